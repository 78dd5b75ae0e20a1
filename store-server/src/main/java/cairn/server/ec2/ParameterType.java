package cairn.server.ec2;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Base64;
import java.util.List;
import java.util.regex.Pattern;

/** What a parameter's value may be. */
sealed interface ParameterType {
    /** A type whose values are one text on the wire. */
    sealed interface Scalar extends ParameterType {
        /** @param name of the parameter, for the failure. @throws Ec2Failure if it is no value of this type */
        Object read(String name, String text);
    }

    /** Text of so many characters. */
    record Characters(int min, int max) implements Scalar {
        @Override
        public Object read(String name, String text) {
            int length = text.codePointCount(0, text.length());
            if (length < min || length > max) {
                throw Ec2Failure.invalidValue(name, text, "Expected " + min + " to " + max + " characters");
            }
            if (!XmlText.isXml(text)) {
                throw Ec2Failure.invalidValue(name, text, "It holds characters that XML has not");
            }
            return text;
        }
    }

    /** A whole number. */
    record Whole(long min, long max) implements Scalar {
        private static final Pattern FORM = Pattern.compile("-?[0-9]{1,19}");

        @Override
        public Object read(String name, String text) {
            if (FORM.matcher(text).matches()) {
                try {
                    long number = Long.parseLong(text);
                    if (number >= min && number <= max) {
                        return number;
                    }
                } catch (NumberFormatException e) {
                    // Told below, like one out of bounds.
                }
            }
            throw Ec2Failure.invalidValue(name, text, "Expected a whole number from " + min + " to " + max);
        }
    }

    /** True or false. */
    record Flag() implements Scalar {
        @Override
        public Object read(String name, String text) {
            return switch (text) {
                case "true" -> true;
                case "false" -> false;
                default -> throw Ec2Failure.invalidValue(name, text, "Expected true or false");
            };
        }
    }

    /** A moment in ISO 8601. */
    record Moment() implements Scalar {
        private static final int CHARS_MAX = 40;
        private static final Instant FIRST = Instant.EPOCH;
        private static final Instant LAST = OffsetDateTime.of(9999, 12, 31, 23, 59, 59, 0, ZoneOffset.UTC).toInstant();

        @Override
        public Object read(String name, String text) {
            if (text.length() <= CHARS_MAX) {
                try {
                    Instant moment = OffsetDateTime.parse(text).toInstant();
                    if (!moment.isBefore(FIRST) && !moment.isAfter(LAST)) {
                        return moment;
                    }
                } catch (DateTimeException e) {
                    // Told below, like one out of bounds.
                }
            }
            throw Ec2Failure.invalidValue(name, text, "Expected a time such as 2030-01-31T23:59:59Z");
        }
    }

    /** Bytes, in Base64. */
    record Bytes(int max) implements Scalar {
        @Override
        public Object read(String name, String text) {
            if (text.length() <= 4L * (max / 3 + 1)) {
                try {
                    byte[] bytes = Base64.getDecoder().decode(text);
                    if (bytes.length <= max) {
                        return bytes;
                    }
                } catch (IllegalArgumentException e) {
                    // Told below, like too many.
                }
            }
            throw Ec2Failure.invalidValue(name, text, "Expected at most " + max + " bytes in Base64");
        }
    }

    /** One of some words. */
    record Choice(List<String> values) implements Scalar {
        @Override
        public Object read(String name, String text) {
            if (!values.contains(text)) {
                throw Ec2Failure.invalidValue(name, text, "Expected one of: " + String.join(", ", values));
            }
            return text;
        }
    }

    /** The id of something. */
    record Id(ResourceKind kind) implements Scalar {
        @Override
        public Object read(String name, String text) {
            if (!kind.isId(text)) {
                throw kind.malformed(text);
            }
            return text;
        }
    }

    /** Parameters of its own. */
    record Structure(String name, Parameters members) implements ParameterType {}
}
