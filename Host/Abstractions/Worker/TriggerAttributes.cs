using Microsoft.Azure.Functions.Worker.Converters;
using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;

namespace Microsoft.Azure.Functions.Worker
{
    /// <summary>Makes a public method a function.</summary>
    /// <param name="name">Unique in the app without case: a letter, then up to 127 letters, digits, '-' and '_'.</param>
    [AttributeUsage(AttributeTargets.Method)]
    public class FunctionAttribute(string name) : Attribute
    {
        /// <summary>Name under which the function is called and stored in history.</summary>
        public string Name { get; } = name;
    }

    /// <summary>Marks the <see cref="Microsoft.DurableTask.TaskOrchestrationContext"/> of an orchestrator.</summary>
    [AttributeUsage(AttributeTargets.Parameter)]
    public sealed class OrchestrationTriggerAttribute : TriggerBindingAttribute
    {
        /// <summary>Name of the orchestrator; the function's name is used whatever this says.</summary>
        public string? Orchestration { get; set; }
    }

    /// <summary>Marks the input of an activity.</summary>
    [AttributeUsage(AttributeTargets.Parameter)]
    public sealed class ActivityTriggerAttribute : TriggerBindingAttribute
    {
        /// <summary>Name of the activity; the function's name is used whatever this says.</summary>
        public string? Activity { get; set; }
    }

    /// <summary>Gives a function the durable client.</summary>
    [AttributeUsage(AttributeTargets.Parameter)]
    public sealed class DurableClientAttribute : InputBindingAttribute
    {
        /// <summary>Task hub; this host has one, the hub of host.json.</summary>
        public string? TaskHub { get; set; }

        /// <summary>Setting of the connection; this host has one.</summary>
        public string? ConnectionName { get; set; }
    }

    /// <summary>Fires a function on an NCRONTAB schedule.</summary>
    /// <param name="schedule">Six fields, seconds first; or a TimeSpan; or <c>%setting%</c>.</param>
    [AttributeUsage(AttributeTargets.Parameter)]
    public sealed class TimerTriggerAttribute(string schedule) : TriggerBindingAttribute
    {
        /// <summary>Schedule as declared.</summary>
        public string Schedule { get; } = schedule;

        /// <summary>Whether the schedule survives restarts. Default true.</summary>
        public bool UseMonitor { get; set; } = true;

        /// <summary>Whether the function also runs when the host starts. Default false.</summary>
        public bool RunOnStartup { get; set; }
    }

    /// <summary>What a timer function is told about its schedule.</summary>
    public class TimerInfo
    {
        /// <summary>Last and next occurrence; null when the schedule is not monitored.</summary>
        public ScheduleStatus? ScheduleStatus { get; set; }

        /// <summary>True when this run is late because no host was running.</summary>
        public bool IsPastDue { get; set; }
    }

    /// <summary>Occurrences of a timer.</summary>
    public class ScheduleStatus
    {
        /// <summary>Last occurrence.</summary>
        public DateTime Last { get; set; }

        /// <summary>Next occurrence.</summary>
        public DateTime Next { get; set; }

        /// <summary>When this status was written.</summary>
        public DateTime LastUpdated { get; set; }
    }

    /// <summary>Key a request must carry.</summary>
    public enum AuthorizationLevel
    {
        /// <summary>None.</summary>
        Anonymous = 0,

        /// <summary>Treated as <see cref="Function"/>.</summary>
        User = 1,

        /// <summary>The function's key, a host key or the master key.</summary>
        Function = 2,

        /// <summary>A system key or the master key.</summary>
        System = 3,

        /// <summary>The master key.</summary>
        Admin = 4,
    }

    /// <summary>Starts a function by an HTTP request. Without methods every verb is taken; the default level is <see cref="AuthorizationLevel.Function"/>.</summary>
    [AttributeUsage(AttributeTargets.Parameter)]
    public sealed class HttpTriggerAttribute : TriggerBindingAttribute
    {
        /// <summary>Level Function, every verb.</summary>
        public HttpTriggerAttribute() => AuthLevel = AuthorizationLevel.Function;

        /// <summary>Level Function.</summary>
        public HttpTriggerAttribute(params string[] methods)
            : this(AuthorizationLevel.Function, methods)
        {
        }

        /// <summary>Every verb.</summary>
        public HttpTriggerAttribute(AuthorizationLevel authLevel) => AuthLevel = authLevel;

        /// <summary>Level and verbs.</summary>
        public HttpTriggerAttribute(AuthorizationLevel authLevel, params string[] methods)
        {
            AuthLevel = authLevel;
            Methods = methods;
        }

        /// <summary>Route below the prefix of host.json; default: the function's name. Must not begin with <c>admin</c> or <c>runtime</c>.</summary>
        public string? Route { get; set; }

        /// <summary>Verbs; null takes all.</summary>
        public string[]? Methods { get; }

        /// <summary>Key a request must carry.</summary>
        public AuthorizationLevel AuthLevel { get; }
    }

    /// <summary>Marks the member of a returned object that is the HTTP response.</summary>
    [AttributeUsage(AttributeTargets.Property)]
    public sealed class HttpResultAttribute : OutputBindingAttribute
    {
    }
}

namespace Microsoft.Azure.Functions.Worker.Http
{
    /// <summary>Fills a parameter of an HTTP function from the JSON body. A body that does not fit is a 500.</summary>
    [AttributeUsage(AttributeTargets.Parameter)]
    public class FromBodyAttribute() : InputConverterAttribute(typeof(Extensions.Http.Converters.IFromBodyConversionFeature))
    {
    }
}

namespace Microsoft.Azure.Functions.Worker.Extensions.Http.Converters
{
    /// <summary>Reads the body of a request into an object.</summary>
    public interface IFromBodyConversionFeature
    {
        /// <summary>Reads the body as <paramref name="targetType"/>.</summary>
        ValueTask<object?> ConvertAsync(FunctionContext context, Type targetType);
    }
}
