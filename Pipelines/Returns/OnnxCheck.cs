using System.Text;

namespace Durable.Pipelines.Returns;

/// <summary>Checks an ONNX file before a runtime loads it: only the layers of a perceptron, no weights in other files.</summary>
/// <remarks>Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.</remarks>
internal static class OnnxCheck
{
    private const int ModelGraph = 7,
        ModelFunctions = 25,
        GraphNode = 1,
        GraphInitializer = 5,
        GraphSparseInitializer = 15,
        NodeOperator = 4,
        NodeDomain = 7,
        TensorExternalData = 13,
        TensorDataLocation = 14;

    private static readonly string[] Layers = ["Gemm", "Relu", "LayerNormalization"];

    /// <exception cref="ModelArchiveException">It has something else, or is not protobuf.</exception>
    public static void Check(ReadOnlySpan<byte> model)
    {
        bool hasGraph = false;
        Reader fields = new(model);
        while (fields.Next(out int field, out ReadOnlySpan<byte> value))
        {
            if (field == ModelFunctions)
                throw new ModelArchiveException("model.onnx defines functions of its own.");
            if (field != ModelGraph)
                continue;
            hasGraph = true;
            CheckGraph(value);
        }

        if (!hasGraph)
            throw new ModelArchiveException("model.onnx has no graph.");
    }

    private static void CheckGraph(ReadOnlySpan<byte> graph)
    {
        Reader fields = new(graph);
        while (fields.Next(out int field, out ReadOnlySpan<byte> value))
        {
            if (field == GraphSparseInitializer)
                throw new ModelArchiveException("model.onnx has sparse weights.");
            if (field == GraphNode)
                CheckNode(value);
            if (field == GraphInitializer)
                CheckTensor(value);
        }
    }

    private static void CheckNode(ReadOnlySpan<byte> node)
    {
        Reader fields = new(node);
        string layer = "";
        while (fields.Next(out int field, out ReadOnlySpan<byte> value))
        {
            if (field == NodeOperator)
                layer = Encoding.UTF8.GetString(value);
            if (field == NodeDomain && value.Length > 0)
                throw new ModelArchiveException("model.onnx uses operators that are not ONNX's own.");
        }

        if (!Layers.Contains(layer))
            throw new ModelArchiveException($"model.onnx has a layer '{layer}'; a perceptron has {string.Join(", ", Layers)}.");
    }

    private static void CheckTensor(ReadOnlySpan<byte> tensor)
    {
        Reader fields = new(tensor);
        while (fields.Next(out int field, out _))
            if (field is TensorExternalData or TensorDataLocation)
                throw new ModelArchiveException("model.onnx keeps weights in other files.");
    }

    /// <summary>Walks the fields of one protobuf message.</summary>
    private ref struct Reader(ReadOnlySpan<byte> message)
    {
        private ReadOnlySpan<byte> rest = message;

        public bool Next(out int field, out ReadOnlySpan<byte> value)
        {
            field = 0;
            value = default;
            if (rest.IsEmpty)
                return false;
            ulong tag = Varint();
            field = (int)(tag >> 3);
            switch (tag & 7)
            {
                case 0:
                    Varint();
                    break;
                case 1:
                    Take(8);
                    break;
                case 2:
                    value = Take(Varint());
                    break;
                case 5:
                    Take(4);
                    break;
                default:
                    throw Broken();
            }

            return true;
        }

        private ReadOnlySpan<byte> Take(ulong length)
        {
            if (length > (ulong)rest.Length)
                throw Broken();
            ReadOnlySpan<byte> taken = rest[..(int)length];
            rest = rest[(int)length..];
            return taken;
        }

        private ulong Varint()
        {
            ulong number = 0;
            for (int shift = 0; shift < 64; shift += 7)
            {
                byte next = Take(1)[0];
                number |= (ulong)(next & 0x7F) << shift;
                if (next < 0x80)
                    return number;
            }

            throw Broken();
        }

        private static ModelArchiveException Broken() => new("model.onnx is not an ONNX file.");
    }
}
