package cairn.server.ec2;

import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What an operation answers, or a structure in it. The operation's description says in which order and form its members
 * are written; a member that it does not know is a fault of ours.
 */
public final class Answer {
    private static final int MARKUP_BYTES = 5;
    private final Map<String, Object> members = new LinkedHashMap<>();

    private Answer() {}

    public static Answer of() {
        return new Answer();
    }

    /**
     * Adds a member.
     *
     * @param name as it stands in the XML
     * @param value String, Boolean, Number, Instant, Answer, or a List of them; an empty list makes an empty element.
     *     Or an Optional of one of these; an empty one makes none
     */
    public Answer put(String name, Object value) {
        if (value instanceof Optional<?> perhaps) {
            perhaps.ifPresent(each -> put(name, each));
            return this;
        }
        requireKnown(name, value);
        if (members.put(name, value instanceof List<?> list ? List.copyOf(list) : value) != null) {
            throw new IllegalStateException("member " + name + " is put twice");
        }
        return this;
    }

    private static void requireKnown(String name, Object value) {
        if (value instanceof List<?> list) {
            list.forEach(each -> requireKnown(name, each));
        } else if (!(value instanceof String
                || value instanceof Boolean
                || value instanceof Number
                || value instanceof Instant
                || value instanceof Answer)) {
            throw new IllegalStateException("member " + name + " cannot be " + value);
        }
    }

    Map<String, Object> members() {
        return Collections.unmodifiableMap(members);
    }

    /** How long it is in XML, about. */
    long estimatedBytes() {
        return members.entrySet().stream()
                .mapToLong(each -> 2L * each.getKey().length() + MARKUP_BYTES + estimatedBytes(each.getValue()))
                .sum();
    }

    private static long estimatedBytes(Object value) {
        if (value instanceof Answer answer) {
            return answer.estimatedBytes();
        }
        if (value instanceof List<?> list) {
            return list.stream().mapToLong(each -> "<item></item>".length() + estimatedBytes(each)).sum();
        }
        return value instanceof String text ? 2L * text.length() : 24;
    }
}
