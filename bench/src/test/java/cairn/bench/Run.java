package cairn.bench;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Runs commands of {@code cairn bench} in this process, and keeps what they say. */
final class Run {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    int main(String... arguments) {
        return Main.run(stream(out), stream(err), arguments);
    }

    private static PrintStream stream(ByteArrayOutputStream to) {
        return new PrintStream(to, true, StandardCharsets.UTF_8);
    }

    /** What was said on stdout since this was last asked. */
    String takeOut() {
        String said = out.toString(StandardCharsets.UTF_8);
        out.reset();
        return said;
    }

    String err() {
        return err.toString(StandardCharsets.UTF_8);
    }
}
