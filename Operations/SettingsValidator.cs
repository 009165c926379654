using Microsoft.Extensions.Options;

namespace Durable.Operations;

/// <summary>Reports every invalid setting of a subject at once, with what is allowed. Checks nothing while the subject is off.</summary>
/// <param name="section">Prefix of its settings, before the double underscore: <c>Spot</c>.</param>
/// <param name="isOn">Whether the subject is on.</param>
internal abstract class SettingsValidator<TOptions>(string section, Func<TOptions, bool> isOn) : IValidateOptions<TOptions>
    where TOptions : class
{
    public ValidateOptionsResult Validate(string? name, TOptions options)
    {
        if (!isOn(options))
            return ValidateOptionsResult.Success;
        string[] errors = [.. Errors(options)];
        return errors.Length == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }

    /// <summary>A sentence for each invalid setting.</summary>
    protected abstract IEnumerable<string> Errors(TOptions o);

    /// <summary>The sentence.</summary>
    protected string Bad(string name, object value, string allowed) =>
        FormattableString.Invariant($"{section}__{name} is '{value}'; allowed: {allowed}.");
}
