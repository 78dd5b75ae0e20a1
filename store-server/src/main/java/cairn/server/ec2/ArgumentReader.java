package cairn.server.ec2;

import cairn.Text;
import cairn.server.ec2.Parameters.NotTaken;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Holds a request's parameters against an operation's description, and finds out what is wrong with them. */
final class ArgumentReader {
    private final OperationDescription operation;

    ArgumentReader(OperationDescription operation) {
        this.operation = operation;
    }

    /** @throws Ec2Failure naming what is unknown, missing, of the wrong type or out of bounds */
    Arguments read(ParameterTree tree) {
        Arguments arguments = read("", operation.parameters(), tree);
        if (!operation.filters().isEmpty()) {
            requireFilters(arguments);
        }
        return arguments;
    }

    private Arguments read(String where, Parameters described, ParameterTree tree) {
        tree.requireNoValue();
        Map<String, Object> values = new HashMap<>();
        tree.children().forEach((name, child) -> {
            NotTaken passed = described.passed().get(name);
            if (passed != null) {
                requireHarmless(passed, child);
                return;
            }
            Parameter parameter =
                    described.find(name).orElseThrow(() -> ParameterTree.unknown(child.path()));
            values.put(name, parameter.isList() ? list(parameter, child) : value(parameter, child));
        });
        for (Parameter parameter : described.taken()) {
            if (parameter.isRequired() && !values.containsKey(parameter.name())) {
                throw Ec2Failure.missing(where + parameter.name());
            }
        }
        requireOneOf(where, described, values.keySet());
        return new Arguments(where, described, values);
    }

    private static void requireHarmless(NotTaken passed, ParameterTree child) {
        if (!passed.isRefused() || child.children().isEmpty() && passed.harmless().contains(child.scalar())) {
            return;
        }
        throw new Ec2Failure(
                "UnsupportedOperation",
                "The parameter " + Text.shown(child.path()) + " is not supported: " + passed.reason());
    }

    private List<Object> list(Parameter parameter, ParameterTree node) {
        return node.items(parameter.listMax().getAsInt()).stream()
                .<Object>map(item -> value(parameter, item))
                .toList();
    }

    private Object value(Parameter parameter, ParameterTree node) {
        if (parameter.type() instanceof ParameterType.Structure structure) {
            return read(node.path() + '.', structure.members(), node);
        }
        return ((ParameterType.Scalar) parameter.type()).read(node.path(), node.scalar());
    }

    private static void requireOneOf(String where, Parameters described, Set<String> came) {
        for (List<String> names : described.exclusive()) {
            List<String> both = names.stream().filter(came::contains).toList();
            if (both.size() > 1) {
                throw new Ec2Failure(
                        "InvalidParameterCombination",
                        "The parameter " + where + both.get(0) + " cannot be used with the parameter " + where
                                + both.get(1));
            }
        }
    }

    private void requireFilters(Arguments arguments) {
        Set<String> names = new HashSet<>();
        for (Arguments filter : arguments.structures(Descriptions.FILTER)) {
            String name = filter.text("Name");
            if (!operation.hasFilter(name)) {
                throw new Ec2Failure("InvalidParameterValue", "The filter '" + Text.shown(name) + "' is invalid");
            }
            if (!names.add(name)) {
                throw new Ec2Failure("InvalidParameterValue", "The filter '" + Text.shown(name) + "' comes twice");
            }
        }
    }
}
