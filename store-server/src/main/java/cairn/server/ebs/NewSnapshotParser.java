package cairn.server.ebs;

import static cairn.server.ebs.EbsFailure.Reason.INVALID_CUSTOMER_KEY;
import static cairn.server.ebs.EbsFailure.Reason.INVALID_PARAMETER_VALUE;
import static cairn.server.ebs.EbsFailure.Reason.INVALID_TAG;
import static cairn.server.ebs.EbsFailure.Reason.INVALID_VOLUME_SIZE;

import cairn.Digest;
import cairn.Text;
import cairn.image.SnapshotId;
import cairn.server.upload.NewBlockSnapshot;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** Reads the body of StartSnapshot. Members that it does not know are passed over. */
final class NewSnapshotParser {
    private static final int DESCRIPTION_CHARS_MAX = 255;
    private static final int CLIENT_TOKEN_CHARS_MAX = 255;
    private static final Pattern CLIENT_TOKEN = Pattern.compile("\\S+");
    private static final int KEY_CHARS_MAX = 2048;
    private static final Pattern KEY = Pattern.compile("arn:aws[a-z\\-]*:kms:.*:[0-9]{12}:key/.*");
    private static final int TAGS_MAX = 50;
    private static final int TAG_KEY_CHARS_MAX = 127;
    private static final int TAG_VALUE_CHARS_MAX = 255;
    private static final String RESERVED_TAGS = "aws:";

    private final JsonNode body;

    /** What StartSnapshot was told. */
    record NewSnapshotRequest(
            int sizeGib,
            Optional<SnapshotId> parent,
            String description,
            Map<String, String> tags,
            Optional<String> clientToken,
            Optional<Boolean> isEncrypted,
            Optional<String> keyArn,
            Duration timeout) {

        /** Of all but the token: what must be the same when the token comes again. */
        Digest parameters() {
            Map<String, Object> all = new TreeMap<>();
            all.put("size", sizeGib);
            all.put("parent", parent.map(SnapshotId::value).orElse(""));
            all.put("description", description);
            all.put("tags", new TreeMap<>(tags));
            all.put("encrypted", isEncrypted.map(String::valueOf).orElse(""));
            all.put("key", keyArn.orElse(""));
            all.put("timeout", timeout.toMinutes());
            return Digest.of(EbsJson.encode(all));
        }
    }

    private NewSnapshotParser(JsonNode body) {
        this.body = body;
    }

    /** @throws EbsFailure ValidationException, naming the member */
    static NewSnapshotRequest parse(byte[] body) {
        return new NewSnapshotParser(EbsJson.object(body)).parse();
    }

    private NewSnapshotRequest parse() {
        NewSnapshotRequest request = new NewSnapshotRequest(
                sizeGib(),
                text("ParentSnapshotId").map(value -> EbsRequest.snapshotId("ParentSnapshotId", value)),
                boundedText("Description", DESCRIPTION_CHARS_MAX).orElse(""),
                tags(),
                clientToken(),
                flag("Encrypted"),
                keyArn(),
                Duration.ofMinutes(number("Timeout",
                                NewBlockSnapshot.TIMEOUT_MIN.toMinutes(), NewBlockSnapshot.TIMEOUT_MAX.toMinutes())
                        .orElse(NewBlockSnapshot.TIMEOUT_DEFAULT.toMinutes())));
        if (request.parent.isPresent() && request.isEncrypted.isPresent()) {
            throw EbsFailure.invalid(INVALID_PARAMETER_VALUE, "Encrypted cannot be given with ParentSnapshotId:"
                    + " the new snapshot is encrypted if its parent is");
        }
        if (request.keyArn.isPresent() && !request.isEncrypted.orElse(false)) {
            throw EbsFailure.invalid(INVALID_PARAMETER_VALUE, "KmsKeyArn needs Encrypted to be true");
        }
        return request;
    }

    private int sizeGib() {
        JsonNode size = find("VolumeSize").orElseThrow(() -> EbsFailure.missing("VolumeSize"));
        if (!size.isIntegralNumber()) {
            throw mistyped("VolumeSize", "a whole number of GiB");
        }
        if (!size.canConvertToInt() || size.intValue() < 1 || size.intValue() > NewBlockSnapshot.SIZE_GIB_MAX) {
            throw EbsFailure.invalid(INVALID_VOLUME_SIZE, "VolumeSize is 1 to " + NewBlockSnapshot.SIZE_GIB_MAX
                    + " GiB, not " + Text.shown(size.asText()));
        }
        return size.intValue();
    }

    /** Members that are null are as absent. */
    private Optional<JsonNode> find(String name) {
        return Optional.ofNullable(body.get(name)).filter(value -> !value.isNull());
    }

    private static EbsFailure mistyped(String name, String expected) {
        return EbsFailure.invalid(INVALID_PARAMETER_VALUE, name + " is no " + expected.replaceFirst("^an? ", ""));
    }

    private Optional<String> text(String name) {
        return find(name).map(value -> {
            if (!value.isTextual()) {
                throw mistyped(name, "string");
            }
            return value.textValue();
        });
    }

    private Optional<String> boundedText(String name, int charsMax) {
        return text(name).map(value -> {
            if (value.isEmpty() || value.length() > charsMax) {
                throw EbsFailure.invalid(
                        INVALID_PARAMETER_VALUE, name + " has 1 to " + charsMax + " characters, not " + value.length());
            }
            return value;
        });
    }

    private Optional<Boolean> flag(String name) {
        return find(name).map(value -> {
            if (!value.isBoolean()) {
                throw mistyped(name, "boolean");
            }
            return value.booleanValue();
        });
    }

    private Optional<Long> number(String name, long min, long max) {
        return find(name).map(value -> {
            if (!value.isIntegralNumber()) {
                throw mistyped(name, "whole number");
            }
            if (!value.canConvertToLong() || value.longValue() < min || value.longValue() > max) {
                throw EbsFailure.invalidParameter(name, "a number from " + min + " to " + max, value.asText());
            }
            return value.longValue();
        });
    }

    private Optional<String> clientToken() {
        Optional<String> token = boundedText("ClientToken", CLIENT_TOKEN_CHARS_MAX);
        token.filter(value -> !CLIENT_TOKEN.matcher(value).matches()).ifPresent(value -> {
            throw EbsFailure.invalid(INVALID_PARAMETER_VALUE, "ClientToken has no white space");
        });
        return token;
    }

    private Optional<String> keyArn() {
        Optional<String> arn = text("KmsKeyArn");
        arn.filter(value -> value.length() > KEY_CHARS_MAX || !KEY.matcher(value).matches()).ifPresent(value -> {
            throw EbsFailure.invalid(INVALID_CUSTOMER_KEY, "KmsKeyArn is no ARN of a KMS key");
        });
        return arn;
    }

    private Map<String, String> tags() {
        Map<String, String> tags = new TreeMap<>();
        find("Tags").ifPresent(list -> {
            if (!list.isArray()) {
                throw mistyped("Tags", "list");
            }
            if (list.size() > TAGS_MAX) {
                throw EbsFailure.invalid(INVALID_TAG, list.size() + " tags, at most " + TAGS_MAX);
            }
            list.forEach(tag -> putTag(tags, tag));
        });
        return tags;
    }

    private static void putTag(Map<String, String> tags, JsonNode tag) {
        String key = tagPart(tag, "Key", TAG_KEY_CHARS_MAX).orElse("");
        String value = tagPart(tag, "Value", TAG_VALUE_CHARS_MAX).orElse("");
        if (key.isEmpty()) {
            throw EbsFailure.invalid(INVALID_TAG, "a tag has no key");
        }
        if (key.startsWith(RESERVED_TAGS)) {
            throw EbsFailure.invalid(INVALID_TAG, "tag keys that begin with aws: are reserved");
        }
        if (tags.put(key, value) != null) {
            throw EbsFailure.invalid(INVALID_TAG, "tag " + Text.shown(key) + " comes twice");
        }
    }

    private static Optional<String> tagPart(JsonNode tag, String name, int charsMax) {
        if (!tag.isObject()) {
            throw mistyped("a member of Tags", "object");
        }
        JsonNode part = tag.get(name);
        if (part == null || part.isNull()) {
            return Optional.empty();
        }
        if (!part.isTextual()) {
            throw mistyped("the " + name + " of a tag", "string");
        }
        if (part.textValue().length() > charsMax) {
            throw EbsFailure.invalid(INVALID_TAG, "the " + name + " of a tag has at most " + charsMax + " characters");
        }
        return Optional.of(part.textValue());
    }
}
