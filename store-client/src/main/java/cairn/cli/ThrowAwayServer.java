package cairn.cli;

import cairn.client.StoreClient;
import cairn.Fault;
import cairn.sigv4.Credentials;
import cairn.sigv4.CredentialsFile;
import cairn.StoreException;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.TimeUnit;
import java.util.List;
import java.util.Map;

/** A server of our own on free loopback ports, with a data folder of its own; ended by its process handle alone. */
public final class ThrowAwayServer implements AutoCloseable {
    private static final long READY_SECONDS_MAX = 60;
    private static final long END_SECONDS_MAX = 20;
    /** A unix socket's address has 108 bytes. */
    private static final int SOCKET_PATH_BYTES_MAX = 107;
    private static final int LOG_LINES_SHOWN = 3;

    private final Process process;
    private final DataFolder data;
    private final Path log;
    private Map<String, String> ready = Map.of();

    private ThrowAwayServer(Process process, DataFolder data, Path log) {
        this.process = process;
        this.data = data;
        this.log = log;
    }

    /**
     * Starts a server; not waiting for it, so that whoever starts it can make sure first that it will be ended.
     *
     * @param program what {@code cairn serve} is here, as the words that its options follow; it must become the server,
     *     so that a signal to it reaches the server
     * @param folder where its data, its log and its socket will be
     * @param endsWithUs whether it ends by itself when this process is gone, however that came
     */
    public static ThrowAwayServer start(List<String> program, Path folder, boolean endsWithUs) {
        DataFolder data = new DataFolder(folder.resolve("data"));
        Path log = folder.resolve("server.log");
        List<String> command = new ArrayList<>(program);
        command.addAll(List.of("--data", data.path().toString(), "--http-port", "0", "--nbd-port", "0"));
        if (endsWithUs) {
            command.add("--until-stdin-ends");
        }
        Path socket = folder.resolve("nbd.sock");
        if (socket.toString().getBytes(StandardCharsets.UTF_8).length <= SOCKET_PATH_BYTES_MAX) {
            command.addAll(List.of("--nbd-socket", socket.toString()));
        }
        try {
            Process process = new ProcessBuilder(command)
                    .redirectInput(endsWithUs
                            ? ProcessBuilder.Redirect.PIPE
                            : ProcessBuilder.Redirect.from(new File("/dev/null")))
                    .redirectError(log.toFile())
                    .start();
            return new ThrowAwayServer(process, data, log);
        } catch (IOException e) {
            throw new StoreException(Fault.UNAVAILABLE, "cannot start " + program.get(0) + ": " + e.getMessage(), e);
        }
    }

    /** Waits until it says that it is ready. */
    public void awaitReady() {
        CompletableFuture<String> line = CompletableFuture.supplyAsync(
                this::firstLine, task -> new Thread(task, "ready").start());
        try {
            ready = DataFolder.readyLine(line.get(READY_SECONDS_MAX, TimeUnit.SECONDS), "the server");
        } catch (TimeoutException e) {
            throw new StoreException(
                    Fault.UNAVAILABLE,
                    "the server was not ready within " + READY_SECONDS_MAX + " s; " + lastLines(), e);
        } catch (ExecutionException e) {
            throw new StoreException(Fault.UNAVAILABLE, "the server did not start; " + lastLines(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreException(Fault.UNAVAILABLE, "interrupted", e);
        }
    }

    private String firstLine() {
        try {
            BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
            String line = out.readLine();
            if (line == null) {
                throw new StoreException(Fault.UNAVAILABLE, "the server ended");
            }
            return line;
        } catch (IOException e) {
            throw new StoreException(Fault.UNAVAILABLE, "the server's output broke off", e);
        }
    }

    private String lastLines() {
        try {
            List<String> lines = Files.readAllLines(log);
            int from = Math.max(0, lines.size() - LOG_LINES_SHOWN);
            return lines.isEmpty() ? "it said nothing" : "it said: " + String.join(" | ", lines.subList(from, lines.size()));
        } catch (IOException e) {
            return "its log can not be read";
        }
    }

    URI endpoint() {
        return URI.create(ready.get("http"));
    }

    public Path dataFolder() {
        return data.path();
    }

    public long pid() {
        return process.pid();
    }

    public StoreClient connect() {
        return new StoreClient(endpoint(), credentials());
    }

    /** Its root account's key. */
    public Credentials credentials() {
        try {
            return CredentialsFile.read(data.credentialsFile(), CredentialsFile.DEFAULT_PROFILE);
        } catch (IOException e) {
            throw new StoreException(
                    Fault.UNAUTHENTICATED, "cannot read " + data.credentialsFile() + ": " + e.getMessage(), e);
        }
    }

    /** Asks it to end, and waits; ends it the hard way if it does not. */
    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(END_SECONDS_MAX, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
