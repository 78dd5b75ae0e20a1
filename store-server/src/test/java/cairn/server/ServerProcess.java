package cairn.server;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertFalse;

import cairn.client.StoreClient;
import cairn.sigv4.CredentialsFile;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** A server as a process of its own on free loopback ports, which can be killed and started again. */
final class ServerProcess implements AutoCloseable {
    private static final int READY_SECONDS_MAX = 60;
    private static final int END_SECONDS_MAX = 60;

    private final Process process;
    private final Path data;
    private final String readyLine;

    private ServerProcess(Process process, Path data, String readyLine) {
        this.process = process;
        this.data = data;
        this.readyLine = readyLine;
    }

    /** Starts a server and waits until it is ready. Its log goes to a file beside the data folder. */
    static ServerProcess start(Path data) throws Exception {
        return start(data, command(data));
    }

    /** Starts a server and kills it so many milliseconds later, ready or not. */
    static void startAndKill(Path data, List<String> command, long millis) throws Exception {
        Process process = begin(data, command);
        process.waitFor(millis, TimeUnit.MILLISECONDS);
        process.destroyForcibly().onExit().join();
    }

    /** As {@link #start(Path)}, where another was, so that its clients find it. */
    static ServerProcess startInPlaceOf(ServerProcess dead) throws Exception {
        return start(dead.data, command(dead.data, dead.http().getPort(), dead.nbd().getPort()));
    }

    /** As {@link #start(Path)}. @param command that starts a server on this data folder */
    static ServerProcess start(Path data, List<String> command) throws Exception {
        return start(data, command, process -> {});
    }

    /** @param begun is given the process before it is ready, which it may never be */
    static ServerProcess start(Path data, List<String> command, Consumer<Process> begun) throws Exception {
        Process process = begin(data, command);
        begun.accept(process);
        String ready = CompletableFuture.supplyAsync(() -> firstLine(process)).get(READY_SECONDS_MAX, SECONDS);
        if (ready == null) {
            int status = process.waitFor();
            throw new AssertionError("the server ended with " + status + ": " + Files.readString(logFile(data)));
        }
        return new ServerProcess(process, data, ready);
    }

    private static Process begin(Path data, List<String> command) throws IOException {
        return new ProcessBuilder(command)
                .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
                .redirectError(ProcessBuilder.Redirect.appendTo(logFile(data).toFile()))
                .start();
    }

    private static Path logFile(Path data) {
        return data.resolveSibling(data.getFileName() + ".log");
    }

    static List<String> command(Path data) {
        return command(data, 0, 0);
    }

    private static List<String> command(Path data, int httpPort, int nbdPort) {
        return Programs.server(
                "--data", data.toString(), "--http-port", Integer.toString(httpPort),
                "--nbd-port", Integer.toString(nbdPort));
    }

    private static String firstLine(Process process) {
        try {
            BufferedReader out = process.inputReader();
            return out.readLine();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    String readyLine() {
        return readyLine;
    }

    Path data() {
        return data;
    }

    Path credentials() {
        return data.resolve("credentials");
    }

    Path socket() {
        return data.resolve("nbd.sock");
    }

    long pid() {
        return process.pid();
    }

    URI http() {
        return URI.create(readyLine.replaceFirst("ready http=(\\S+) .*", "$1"));
    }

    URI nbd() {
        return URI.create(readyLine.replaceFirst(".* nbd=(\\S+)", "$1"));
    }

    InetSocketAddress httpAddress() {
        return new InetSocketAddress(http().getHost(), http().getPort());
    }

    InetSocketAddress nbdAddress() {
        return new InetSocketAddress(nbd().getHost(), nbd().getPort());
    }

    /** An export on the unix socket. */
    String socketUri(String export) {
        return "nbd+unix:///" + export + "?socket=" + socket();
    }

    StoreClient connect() throws IOException {
        return connect(http());
    }

    StoreClient connect(URI endpoint) throws IOException {
        return new StoreClient(endpoint, CredentialsFile.read(credentials(), CredentialsFile.DEFAULT_PROFILE));
    }

    Cli cli() {
        return new Cli(http(), credentials());
    }

    /** What it has logged, and every server on this data folder before it. */
    String log() {
        try {
            return Files.readString(logFile(data));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Ends it by SIGKILL. */
    void kill() {
        process.destroyForcibly().onExit().join();
    }

    /** Ends it by SIGTERM. @return its exit status */
    int stop() {
        process.destroy();
        return process.onExit().orTimeout(END_SECONDS_MAX, SECONDS).join().exitValue();
    }

    /** Ends it, if it has not been ended. @throws AssertionError if it has lost buffers */
    @Override
    public void close() {
        try {
            stop();
        } finally {
            kill();
        }
        assertFalse(log().contains("LEAK"), this::log);
    }
}
