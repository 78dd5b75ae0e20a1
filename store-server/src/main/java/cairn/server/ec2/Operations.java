package cairn.server.ec2;

import cairn.Text;
import cairn.server.ec2.OperationDescription.Completeness;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What answers each operation. A group of operations is a class with a method {@code addTo(Operations)}. */
public final class Operations {
    private final Descriptions descriptions;
    private final Map<String, Operation> operations = new HashMap<>();

    public Operations(Descriptions descriptions) {
        this.descriptions = descriptions;
    }

    /** @throws IllegalStateException if it is not described, is said to be refused, or there is one already */
    public void add(String name, Operation operation) {
        if (described(name).completeness() == Completeness.REFUSED) {
            throw new IllegalStateException("operation " + name + " is said to be refused");
        }
        if (operations.put(name, operation) != null) {
            throw new IllegalStateException("operation " + name + " is added twice");
        }
    }

    /**
     * An operation's filters.
     *
     * @param values what each filter compares, by the filter's name
     * @throws IllegalStateException if these are not the filters that are described
     */
    public <T> Filters<T> filters(String operation, Map<String, Function<T, Stream<String>>> values) {
        return new Filters<>(described(operation), values, null);
    }

    /** The same for what has tags: {@code tag-key} and {@code tag:KEY} are not among the values. */
    public <T> Filters<T> filters(
            String operation, Map<String, Function<T, Stream<String>>> values, Function<T, Map<String, String>> tags) {
        return new Filters<>(described(operation), values, tags);
    }

    private OperationDescription described(String name) {
        return descriptions.find(name)
                .orElseThrow(() -> new IllegalStateException("operation " + name + " is not described"));
    }

    /** @throws IllegalStateException if there is nothing that answers an operation that is described */
    void requireAll() {
        Set<String> missing = descriptions.operations().stream()
                .filter(each -> each.completeness() != Completeness.REFUSED)
                .map(OperationDescription::name)
                .collect(Collectors.toCollection(TreeSet::new));
        missing.removeAll(operations.keySet());
        if (!missing.isEmpty()) {
            throw new IllegalStateException("nothing answers " + missing);
        }
    }

    /** @throws Ec2Failure InvalidAction if there is no such operation, UnsupportedOperation for one that is refused */
    OperationDescription readable(String name) {
        OperationDescription description = descriptions.find(name).orElseThrow(() -> new Ec2Failure(
                "InvalidAction",
                "The action " + Text.shown(name) + " is not valid for this web service."));
        if (description.completeness() == Completeness.REFUSED) {
            throw new Ec2Failure(
                    "UnsupportedOperation", "The action " + name + " is not supported: " + description.remark());
        }
        return description;
    }

    /** @throws Ec2Failure DryRunOperation where all is well, and nothing was to be done */
    Answer answer(Ec2Request request) {
        Effect effect = operations.get(request.operation()).prepare(request);
        if (request.arguments().flag(Descriptions.DRY_RUN, false)) {
            throw new Ec2Failure("DryRunOperation", "Request would have succeeded, but DryRun flag is set.");
        }
        return effect.apply();
    }
}
