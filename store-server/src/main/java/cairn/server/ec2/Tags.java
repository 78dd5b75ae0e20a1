package cairn.server.ec2;

import cairn.Text;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Tags as requests name them and answers show them. */
public final class Tags {
    public static final int PER_RESOURCE_MAX = 50;

    /** More than a resource may have, so that somebody who wants a few too many is told so by the right code. */
    static final int OF_REQUEST_MAX = 200;

    private static final String RESERVED_PREFIX = "aws:";

    private Tags() {}

    /**
     * The tags that a creating request asks for.
     *
     * @param kind of what is made; tags for other kinds are left out
     * @throws Ec2Failure InvalidParameterValue for reserved or repeated keys, TagLimitExceeded
     */
    public static Map<String, String> asked(Arguments arguments, ResourceKind kind) {
        Map<String, String> tags = new LinkedHashMap<>();
        for (Arguments specification : arguments.structures(Descriptions.TAG_SPECIFICATION)) {
            if (specification.text("ResourceType").equals(kind.wireName())) {
                add(tags, specification.structures("Tag"));
            }
        }
        requireRoom(tags);
        return tags;
    }

    /** A list of the structure Tag. @throws Ec2Failure InvalidParameterValue for reserved or repeated keys */
    static Map<String, String> read(List<Arguments> list) {
        Map<String, String> tags = new LinkedHashMap<>();
        add(tags, list);
        return tags;
    }

    private static void add(Map<String, String> tags, List<Arguments> list) {
        for (Arguments tag : list) {
            String key = tag.text("Key");
            String value = tag.findText("Value").orElse("");
            requireUsers(key);
            requirePlain(key);
            requirePlain(value);
            if (tags.put(key, value) != null) {
                throw new Ec2Failure("InvalidParameterValue", "Duplicate tag key '" + Text.shown(key) + "' specified.");
            }
        }
    }

    /** @throws Ec2Failure InvalidParameterValue for a key that is not the user's to set */
    static void requireUsers(String key) {
        if (isReserved(key)) {
            throw new Ec2Failure(
                    "InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use");
        }
    }

    private static void requirePlain(String text) {
        if (text.chars().anyMatch(Character::isISOControl)) {
            throw new Ec2Failure(
                    "InvalidParameterValue", "Tags hold no control characters, as \"" + Text.shown(text) + "\" does");
        }
    }

    static boolean isReserved(String key) {
        return key.toLowerCase(Locale.ROOT).startsWith(RESERVED_PREFIX);
    }

    /** @param tags that a resource would have. @throws Ec2Failure TagLimitExceeded */
    static void requireRoom(Map<String, String> tags) {
        if (tags.keySet().stream().filter(key -> !isReserved(key)).count() > PER_RESOURCE_MAX) {
            throw new Ec2Failure(
                    "TagLimitExceeded",
                    "The maximum number of Tags for a resource has been reached: " + PER_RESOURCE_MAX);
        }
    }

    /** The answer's set of tags, by key. */
    public static List<Answer> shown(Map<String, String> tags) {
        return tags.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .map(tag -> Answer.of().put("key", tag.getKey()).put("value", tag.getValue()))
                .toList();
    }
}
