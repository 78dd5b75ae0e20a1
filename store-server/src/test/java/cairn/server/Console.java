package cairn.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** A program that is talked to at its standard input and output, like a machine at its serial line. For one thread. */
final class Console implements AutoCloseable {
    private static final int TAIL_CHARS = 4_000;
    private static final int END_SECONDS_MAX = 60;

    private final Process process;
    private final Path errors;
    private final StringBuilder said = new StringBuilder();
    private int awaited;

    /**
     * @param errors where its stderr goes, shown where it disappoints
     * @param deadline for all that it does; then it is ended
     */
    Console(Process process, Path errors, Duration deadline) {
        this.process = process;
        this.errors = errors;
        // Its end is the end of the stream, so that reading needs no clock.
        CompletableFuture.delayedExecutor(deadline.toMillis(), MILLISECONDS).execute(process::destroyForcibly);
    }

    /** Waits until it says this, after what was waited for before. @return what came until then */
    String await(String text) throws IOException {
        InputStream in = process.getInputStream();
        byte[] buffer = new byte[8192];
        int at = said.indexOf(text, awaited);
        while (at < 0) {
            int n = in.read(buffer);
            if (n < 0) {
                throw new IOException("it ended, or was ended, without saying \"" + text + "\"; its last words:\n"
                        + said.substring(Math.max(0, said.length() - TAIL_CHARS)) + '\n' + Files.readString(errors));
            }
            said.append(new String(buffer, 0, n, UTF_8));
            at = said.indexOf(text, Math.max(awaited, said.length() - n - text.length()));
        }
        String before = said.substring(awaited, at);
        awaited = at + text.length();
        return before;
    }

    void type(String line) throws IOException {
        press(line + '\n');
    }

    void press(String keys) throws IOException {
        OutputStream keyboard = process.getOutputStream();
        keyboard.write(keys.getBytes(UTF_8));
        keyboard.flush();
    }

    /** Waits until it has ended by itself. @return its exit status */
    int awaitEnd() throws IOException {
        said.append(new String(process.getInputStream().readAllBytes(), UTF_8));
        return process.onExit().join().exitValue();
    }

    /** All that it has said so far. */
    String said() {
        return said.toString();
    }

    long pid() {
        return process.pid();
    }

    /** Ends it, and waits until it has ended. */
    void end() {
        process.destroy();
        process.onExit().completeOnTimeout(null, END_SECONDS_MAX, SECONDS).join();
        process.destroyForcibly().onExit().join();
    }

    @Override
    public void close() {
        end();
    }
}
