package cairn.server;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.client.DiskId;
import cairn.client.StoreClient;
import cairn.image.AccountId;
import cairn.server.storage.TestDisk;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How the server comes and goes, and what it leaves to the client. */
class ServerLifecycleTest {
    private static final int MIB = 1 << 20;
    /** 128 and the number of SIGTERM: how the JVM ends when it is told to. */
    private static final int ENDED_BY_SIGTERM = 143;
    private static final Duration STOP_MAX = Duration.ofSeconds(10);
    private static final int SECONDS_MAX = 60;

    @TempDir
    Path folder;

    @Test
    void saysWhereItIsFoundAndCleansUpWhenItGoes() throws Exception {
        Path data = folder.resolve("data");
        try (ServerProcess server = ServerProcess.start(data)) {
            assertTrue(
                    server.readyLine().matches("ready http=http://127\\.0\\.0\\.1:\\d+ nbd=nbd://127\\.0\\.0\\.1:\\d+"),
                    server.readyLine());
            assertEquals(server.readyLine() + "\n", Files.readString(data.resolve("endpoint")));
            assertEquals("rw-------", permissions(server.credentials()));
            assertEquals("rwx------", permissions(data));
            assertTrue(Files.exists(server.socket()));

            assertEquals(ENDED_BY_SIGTERM, server.stop());
        }

        assertFalse(Files.exists(data.resolve("endpoint")), "nobody is sent to a server that has gone");
        assertFalse(Files.exists(data.resolve("nbd.sock")));
        assertFalse(Files.exists(data.resolve("pid")));
    }

    private static String permissions(Path file) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
    }

    @Test
    void endsQuicklyWhileClientsAreConnected() throws Exception {
        Tools.require("qemu-io");
        List<SocketChannel> idle = new ArrayList<>();
        try (ServerProcess server = ServerProcess.start(folder.resolve("data"))) {
            StoreUser user = new StoreUser(server.connect(), folder);
            String image = user.push(user.noiseDisk(1, 4 * MIB), "image").image().id();
            Path more = user.noiseDisk(2, 24 * MIB);
            for (int n = 0; n < 20; n++) {
                idle.add(SocketChannel.open(server.httpAddress()));
                idle.add(SocketChannel.open(server.nbdAddress()));
            }
            try (TcpRelay relay = new TcpRelay(server.httpAddress(), 10 * MIB);
                    QemuIo machine = new QemuIo(server.socketUri(image));
                    QemuIo remote = new QemuIo(user.client().exportUri(new DiskId(image)).uri());
                    Running push = new Running(
                            server.cli().at(relay.http()).start("push", more.toString(), "--name", "never made"))) {
                relay.dead().get(SECONDS_MAX, SECONDS);
                machine.assertReads();
                remote.assertReads();
                assertTrue(push.process().isAlive());

                long startNanos = System.nanoTime();
                int status = server.stop();
                Duration took = Duration.ofNanos(System.nanoTime() - startNanos);

                assertEquals(ENDED_BY_SIGTERM, status);
                assertTrue(took.compareTo(STOP_MAX) < 0, "it took " + took);
            }
        } finally {
            for (SocketChannel channel : idle) {
                channel.close();
            }
        }
    }

    /** A process that ends with the test. */
    private record Running(Process process) implements AutoCloseable {
        @Override
        public void close() {
            process.destroyForcibly().onExit().join();
        }
    }

    /** A machine's disk: opened once, read when it is told to. */
    private static final class QemuIo implements AutoCloseable {
        private final Running running;
        private final PrintStream commands;
        private final BufferedReader answers;

        QemuIo(String uri) throws IOException {
            running = new Running(new ProcessBuilder("qemu-io", "-r", "-f", "raw", uri)
                    .redirectErrorStream(true)
                    .start());
            commands = new PrintStream(running.process.getOutputStream(), true);
            answers = running.process.inputReader();
        }

        void assertReads() throws Exception {
            commands.println("read 0 512");
            String answer = CompletableFuture.supplyAsync(this::readLine).get(SECONDS_MAX, SECONDS);
            assertTrue(answer.contains("read 512/512 bytes"), answer);
        }

        private String readLine() {
            try {
                return String.valueOf(answers.readLine());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void close() {
            running.close();
        }
    }

    @Test
    void keepsEverythingOverARestart() throws Exception {
        Path data = folder.resolve("data");
        Path disk = Files.write(folder.resolve("disk.raw"), TestDisk.random(1, 3 * MIB).bytes());
        String image;
        URI exportUri;
        List<Object> before;
        try (ServerProcess server = ServerProcess.start(data)) {
            StoreClient client = server.connect();
            image = new StoreUser(client, folder).push(disk, "image").image().id();
            String account = client.createAccount("somebody").id();
            client.changeKey(client.createKey(new AccountId(account)).id(), false);
            exportUri = URI.create(client.exportUri(new DiskId(image)).uri());
            before = everything(client);
        }

        try (ServerProcess server = ServerProcess.start(data)) {
            StoreClient client = server.connect();
            assertEquals(before, everything(client));
            new StoreUser(client, folder).assertComesBack(image, disk);
            Tools.require("nbdinfo");
            String sameTicket = server.nbd() + exportUri.getPath();
            assertEquals(3 * MIB, Long.parseLong(Tools.run("nbdinfo", "--size", sameTicket).success().strip()));
        }
    }

    private static List<Object> everything(StoreClient client) {
        return List.of(
                client.store(), client.images(""), client.accounts(), client.keys(), client.stats().chunks(),
                client.stats().logicalBytes());
    }

    @Test
    void refusesADataFolderThatAnotherServerHasOpen() throws Exception {
        Path data = folder.resolve("data");
        try (ServerProcess server = ServerProcess.start(data)) {
            String line = Cli.failure(1, Tools.run(ServerProcess.command(data)));

            assertTrue(line.contains("in use by process " + server.pid()), line);
            assertEquals(server.readyLine() + "\n", Files.readString(data.resolve("endpoint")));
            assertTrue(Files.exists(server.socket()));
            new StoreUser(server.connect(), folder).assertStoreWorks();
        }
    }

    @Test
    void refusesAStoreOfAnUnknownVersionAndLeavesItAlone() throws Exception {
        Path data = folder.resolve("data");
        try (ServerProcess server = ServerProcess.start(data)) {
            new StoreUser(server.connect(), folder).assertStoreWorks();
        }
        String version = Files.readString(data.resolve("VERSION"));
        Files.writeString(data.resolve("VERSION"), "cairn store 999\n");

        String line = Cli.failure(1, Tools.run(ServerProcess.command(data)));

        assertTrue(line.contains("\"cairn store 999\"") && line.contains('"' + version.strip() + '"'), line);
        Files.writeString(data.resolve("VERSION"), version);
        try (ServerProcess server = ServerProcess.start(data)) {
            assertEquals(1, server.connect().stats().images());
        }
    }

    @Test
    void refusesAFolderThatHoldsSomethingElse() throws Exception {
        Path data = Files.createDirectory(folder.resolve("photos"));
        Files.writeString(data.resolve("holiday.jpg"), "not ours");

        String line = Cli.failure(1, Tools.run(ServerProcess.command(data)));

        assertTrue(line.contains("not a cairn store") && line.contains("holiday.jpg"), line);
        try (Stream<Path> files = Files.list(data)) {
            assertEquals(1, files.count(), "nothing was added to it");
        }
    }

    @Test
    void refusesAPortThatIsTaken() throws Exception {
        Path other = folder.resolve("other");
        try (ServerProcess server = ServerProcess.start(folder.resolve("data"))) {
            String port = String.valueOf(server.httpAddress().getPort());

            String line = Cli.failure(1, Tools.run(Programs.server(
                    "--data", other.toString(), "--http-port", port, "--nbd-port", "0")));

            assertTrue(line.contains(":" + port), line);
            assertFalse(Files.exists(other.resolve("endpoint")));
        }
        try (ServerProcess server = ServerProcess.start(other)) {
            new StoreUser(server.connect(), folder).assertStoreWorks();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"--http-port=70000", "--listen=0.0.0.0", "--chunk-cache=0", "--no-such-option"})
    void refusesWrongUsage(String option) throws Exception {
        Path data = folder.resolve("data");

        String line = Cli.failure(2, Tools.run(Programs.server("--data", data.toString(), option)));

        assertTrue(line.contains(option.replaceFirst("=.*", "").replaceFirst("--", "")), line);
        assertFalse(Files.exists(data));
    }

    @Test
    void saysHowMuchMemoryItWouldNeedWithEveryConnectionBusy() throws Exception {
        String line = Cli.failure(2, Tools.run(Programs.server(
                "--data", folder.resolve("data").toString(), "--chunk-cache=400", "--http-port=70000")));

        // 400 for the cache, 4096 connections' 256 KiB and 512 for NBD, 256 for HTTP, 128 for the rest.
        assertTrue(line.contains("need 2320 MiB of buffers, and Java may use 2304"), line);
    }

    @Test
    void aClientSaysSoWhenItsServerGoesAwayInTheMiddle() throws Exception {
        Path data = folder.resolve("data");
        Path disk;
        URI endpoint;
        CompletableFuture<Tools.Output> push;
        try (ServerProcess server = ServerProcess.start(data);
                TcpRelay relay = new TcpRelay(server.httpAddress(), 10 * MIB)) {
            disk = new StoreUser(server.connect(), folder).noiseDisk(1, 24 * MIB);
            endpoint = relay.http();
            Cli client = server.cli().at(endpoint);
            push = CompletableFuture.supplyAsync(() -> push(client, disk));
            relay.dead().get(SECONDS_MAX, SECONDS);
            server.kill();
        }

        String line = Cli.failure(1, push.get(SECONDS_MAX, SECONDS));

        assertTrue(line.contains("no server answers at " + endpoint), line);
        try (ServerProcess server = ServerProcess.start(data)) {
            StoreUser user = new StoreUser(server.connect(), folder);
            user.assertComesBack(user.push(disk, "again").image().id(), disk);
        }
    }

    private static Tools.Output push(Cli cli, Path disk) {
        try {
            return cli.run("push", disk.toString(), "--name", "never made");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException("nobody interrupts this", e);
        }
    }

    @Test
    void leavesTheClientWithoutRocksDbAndNetty() throws Exception {
        Path client = Path.of("..", "store-client");
        assertTrue(Files.exists(client.resolve("pom.xml")), "tests run in the module's folder");
        assertFalse(Files.readString(client.resolve("pom.xml")).matches("(?s).*(rocksdb|netty).*"));
        if (Files.exists(client.resolve("target/lib"))) {
            try (Stream<Path> libraries = Files.list(client.resolve("target/lib"))) {
                assertEquals(List.of(), libraries.filter(ServerLifecycleTest::isServersOwn).toList());
            }
        }
        Path disk = Files.write(folder.resolve("disk.raw"), TestDisk.random(1, MIB).bytes());
        Path loaded = folder.resolve("loaded");

        try (ServerProcess server = ServerProcess.start(folder.resolve("data"))) {
            server.cli()
                    .with("JDK_JAVA_OPTIONS", "-Xlog:class+load:file=" + loaded)
                    .run("push", disk.toString(), "--name", "image")
                    .success();
        }

        String classes = Files.readString(loaded);
        assertTrue(classes.contains(" cairn.client.ImageUploader "), "classes are logged as they are loaded");
        assertFalse(classes.contains(" io.netty."));
        assertFalse(classes.contains(" org.rocksdb."));
    }

    private static boolean isServersOwn(Path library) {
        return library.getFileName().toString().matches("(rocksdb|netty|caffeine|logback).*");
    }
}
