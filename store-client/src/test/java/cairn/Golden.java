package cairn;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/** Bytes that a format has had since it was made, as hexadecimal text, 32 bytes a line. */
public final class Golden {
    private Golden() {}

    /** Asserts that bytes are those of {@code golden/NAME.hex}. */
    public static void assertGolden(String name, byte[] actual) {
        assertEquals(text(name), lines(actual), "golden/" + name + ".hex");
    }

    public static byte[] bytes(String name) {
        return HexFormat.of().parseHex(text(name).replaceAll("\\s", ""));
    }

    private static String text(String name) {
        try (InputStream in = Golden.class.getResourceAsStream("/golden/" + name + ".hex")) {
            return in == null ? "" : new String(in.readAllBytes(), StandardCharsets.US_ASCII);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String lines(byte[] bytes) {
        return Text.hex(bytes).replaceAll("(.{64})(?=.)", "$1\n") + "\n";
    }
}
