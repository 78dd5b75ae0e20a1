package cairn.server.ec2;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A request's parameters, or those of a structure in it: each of the type that is described. Asking for one that is not
 * described is a fault of ours.
 */
public final class Arguments {
    private final String where;
    private final Parameters described;
    private final Map<String, Object> values;

    /** @param where for messages */
    Arguments(String where, Parameters described, Map<String, Object> values) {
        this.where = where;
        this.described = described;
        this.values = values;
    }

    /** Whether it came. A list came if it has items. */
    public boolean has(String name) {
        return find(name, Object.class).isPresent();
    }

    /** A text, an id or a choice that must be there. @throws Ec2Failure MissingParameter */
    public String text(String name) {
        return findText(name).orElseThrow(() -> Ec2Failure.missing(where + name));
    }

    public Optional<String> findText(String name) {
        return find(name, String.class);
    }

    public boolean flag(String name, boolean fallback) {
        return findFlag(name).orElse(fallback);
    }

    public Optional<Boolean> findFlag(String name) {
        return find(name, Boolean.class);
    }

    /** @throws Ec2Failure MissingParameter */
    public long number(String name) {
        return find(name, Long.class).orElseThrow(() -> Ec2Failure.missing(where + name));
    }

    public OptionalLong findNumber(String name) {
        return find(name, Long.class).map(OptionalLong::of).orElseGet(OptionalLong::empty);
    }

    public Optional<Instant> findTime(String name) {
        return find(name, Instant.class);
    }

    /** What was sent in Base64, decoded. */
    public Optional<byte[]> findBytes(String name) {
        return find(name, byte[].class);
    }

    /** A list of texts, ids or choices; empty if none came. */
    public List<String> texts(String name) {
        return list(name, String.class);
    }

    /** A list of structures; empty if none came. */
    public List<Arguments> structures(String name) {
        return list(name, Arguments.class);
    }

    public Optional<Arguments> findStructure(String name) {
        return find(name, Arguments.class);
    }

    /** The values of each filter that came, by its name; the names are those that the operation has. */
    public Map<String, List<String>> filters() {
        Map<String, List<String>> filters = new LinkedHashMap<>();
        structures(Descriptions.FILTER).forEach(each -> filters.put(each.text("Name"), each.texts("Value")));
        return filters;
    }

    private <T> List<T> list(String name, Class<T> type) {
        return find(name, Object.class).map(found -> castAll((List<?>) found, type)).orElse(List.of());
    }

    private static <T> List<T> castAll(List<?> values, Class<T> type) {
        return values.stream().<T>map(type::cast).toList();
    }

    private <T> Optional<T> find(String name, Class<T> type) {
        if (described.find(name).isEmpty()) {
            throw new IllegalStateException("parameter " + where + name + " is not described");
        }
        return Optional.ofNullable(values.get(name)).map(type::cast);
    }
}
