package cairn.server.nbd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Text;
import cairn.server.Tools;
import cairn.server.transport.Transport;
import cairn.server.volume.Volume;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What people use: libnbd's tools and QEMU's, over both kinds of socket. */
class NbdClientsTest {
    private static final long SIZE_BYTES = (40L << 20) + 512;
    private static final long DAMAGED_FROM = 8L << 20;

    @TempDir
    private Path folder;

    private final ScheduledExecutorService threads = Executors.newScheduledThreadPool(2);
    private NbdServer server;
    private String unix;
    private String tcp;

    @BeforeEach
    void start() throws IOException {
        // Reads end after a while, in any order; some at once, as if they were cached.
        Executor anyOrder = task -> {
            int delayMicros = ThreadLocalRandom.current().nextInt(400);
            if (delayMicros < 100) {
                task.run();
            } else {
                threads.schedule(task, delayMicros, TimeUnit.MICROSECONDS);
            }
        };
        serve(() -> new PatternVolume(SIZE_BYTES, anyOrder));
    }

    private void serve(Supplier<? extends Volume> volumes) throws IOException {
        Path socket = folder.resolve("nbd.sock");
        server = NbdServer.start(new OneExport(volumes), NbdLimits.DEFAULT, Transport.best(), 2);
        server.listen(socket);
        int port = server.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)).getPort();
        unix = "nbd+unix:///disk?socket=" + socket;
        tcp = "nbd://127.0.0.1:" + port + "/disk:secret";
    }

    @AfterEach
    void close() {
        server.close();
        threads.shutdownNow();
    }

    private Path plain() throws IOException {
        Path plain = folder.resolve("plain");
        new PatternVolume(SIZE_BYTES).save(plain);
        return plain;
    }

    @Test
    void nbdinfoTellsAllAboutAnExport() throws Exception {
        Tools.require("nbdinfo");

        String json = Tools.run("nbdinfo", "--json", unix).success();

        for (String fact : new String[] {
            "\"export-name\": \"disk\"", "\"description\": \"a pattern\"", "\"export-size\": " + SIZE_BYTES,
            "\"protocol\": \"newstyle-fixed\"", "\"structured\": true", "\"base:allocation\"",
            "\"is_read_only\": true", "\"can_cache\": true", "\"can_df\": true", "\"can_flush\": true",
            "\"can_multi_conn\": true", "\"can_trim\": false", "\"can_zero\": false",
            "\"block_size_minimum\": 1", "\"block_size_preferred\": 4096", "\"block_size_maximum\": 33554432"
        }) {
            assertTrue(json.contains(fact), () -> fact + " in " + json);
        }
    }

    @Test
    void nbdinfoListsExportsOnlyToLocalPeers() throws Exception {
        Tools.require("nbdinfo");

        assertTrue(Tools.run("nbdinfo", "--list", unix).success().contains("export=\"disk\""));
        String listed = Tools.run("nbdinfo", "--list", tcp).stdout();
        assertTrue(!listed.contains("export=\"disk\""), listed);
    }

    @Test
    void nbdinfoSaysThatAnExportIsNotThere() throws Exception {
        Tools.require("nbdinfo");

        Tools.Output output = Tools.run("nbdinfo", unix.replace("/disk?", "/?"));

        assertEquals(1, output.status());
        assertTrue(output.stderr().contains("No such file or directory"), output.stderr());
    }

    @Test
    void nbdinfoMapsTheHoles() throws Exception {
        Tools.require("nbdinfo");

        String map = Tools.run("nbdinfo", "--map", tcp).success();

        long at = 0;
        for (String line : map.strip().split("\n")) {
            String[] words = line.strip().split("\\s+");
            long lengthBytes = Long.parseLong(words[1]);
            assertEquals(at, Long.parseLong(words[0]));
            assertEquals(PatternVolume.isHole(at) ? "3" : "0", words[2], line);
            at += lengthBytes;
        }
        assertEquals(SIZE_BYTES, at);
    }

    @Test
    void nbdcopyCopiesOverBothSockets() throws Exception {
        Tools.require("nbdcopy");
        Path plain = plain();

        for (String uri : new String[] {unix, tcp}) {
            Path copy = folder.resolve("copy");
            Tools.run("nbdcopy", uri, copy.toString()).success();

            assertEquals(-1, Files.mismatch(plain, copy));
        }
    }

    @Test
    void qemuImgFindsWhatWeServe() throws Exception {
        Tools.require("qemu-img");
        Path plain = plain();
        Path copy = folder.resolve("copy.qcow2");

        for (String uri : new String[] {unix, tcp}) {
            String info = Tools.run("qemu-img", "info", "--output=json", uri).success();
            assertTrue(info.contains("\"virtual-size\": " + SIZE_BYTES), info);
            Tools.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", uri, copy.toString()).success();
            Tools.run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", plain.toString(), copy.toString()).success();
            Tools.run("qemu-img", "compare", "-f", "raw", "-F", "raw", plain.toString(), uri).success();
        }
        assertTrue(Tools.run("qemu-img", "map", "--output=json", unix).success().contains("\"zero\": true"));
    }

    @Test
    void qemuIoReadsAnyRange() throws Exception {
        Tools.require("qemu-io");
        Path plain = plain();

        for (String range : new String[] {"0 512", "511 1025", "65535 65538", "1048576 33554432", "41943039 2"}) {
            String read = "read -v " + range;
            String ours = Tools.run("qemu-io", "-r", "-f", "raw", "-c", read, unix).success();
            String theirs = Tools.run("qemu-io", "-r", "-f", "raw", "-c", read, plain.toString()).success();

            assertEquals(theirs.lines().filter(NbdClientsTest::isDump).toList(),
                    ours.lines().filter(NbdClientsTest::isDump).toList());
        }
    }

    /** Not the line that tells how long it took. */
    private static boolean isDump(String line) {
        return line.matches("[0-9a-f]{8}:.*");
    }

    @Test
    void clientsAreToldOfDamage() throws Exception {
        Tools.require("nbdcopy", "qemu-io");
        server.close();
        serve(() -> new PatternVolume(SIZE_BYTES, Runnable::run, DAMAGED_FROM, DAMAGED_FROM + 1));

        Tools.Output copied = Tools.run("nbdcopy", unix, folder.resolve("copy").toString());
        Tools.Output read = Tools.run("qemu-io", "-r", "-f", "raw", "-c", "read 8388600 16", "-c", "read 0 16", unix);

        assertEquals(1, copied.status());
        assertTrue((read.stdout() + read.stderr()).contains("Input/output error"), read.toString());
        assertTrue(read.stdout().contains("read 16/16 bytes at offset 0"), "the next read works");
    }

    @Test
    void nbdshReadsAndAsksForTheHoles() throws Exception {
        Tools.require("nbdsh");
        Tools.requireThat(nbdsh("import nbd").status() == 0, "nbdsh's Python module is not there");

        String script = "h.add_meta_context(nbd.CONTEXT_BASE_ALLOCATION)\n"
                + "h.connect_uri('" + unix + "')\n"
                + "print(len(h.pread(33554432, 12345)), h.pread(4, 1048577).hex())\n"
                + "h.cache(65536, 0)\nh.flush()\n";
        String output = nbdsh(script).success();

        byte[] expected = PatternVolume.bytes(1_048_577, 4);
        assertEquals("33554432 " + Text.hex(expected), output.strip());
    }

    /** A blank disk that can be written to, in place of the pattern. */
    private MemoryDisk serveDisk(long sizeBytes) throws IOException {
        MemoryDisk disk = new MemoryDisk(sizeBytes, threads);
        server.close();
        serve(disk::connect);
        return disk;
    }

    @Test
    void nbdinfoTellsWhatAWritableExportCan() throws Exception {
        Tools.require("nbdinfo");
        serveDisk(SIZE_BYTES);

        String json = Tools.run("nbdinfo", "--json", unix).success();

        for (String fact : new String[] {
            "\"is_read_only\": false", "\"can_cache\": true", "\"can_df\": true", "\"can_fast_zero\": true",
            "\"can_flush\": true", "\"can_fua\": true", "\"can_multi_conn\": true", "\"can_trim\": true",
            "\"can_zero\": true"
        }) {
            assertTrue(json.contains(fact), () -> fact + " in " + json);
        }
    }

    @Test
    void nbdcopyAndQemuImgWriteADisk() throws Exception {
        Tools.require("nbdcopy", "qemu-img");
        Path plain = plain();
        Path qcow2 = folder.resolve("plain.qcow2");
        Tools.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", plain.toString(), qcow2.toString()).success();
        MemoryDisk disk = serveDisk(SIZE_BYTES);

        for (String uri : new String[] {unix, tcp}) {
            Tools.run("nbdcopy", "--flush", "--destination-is-zero", plain.toString(), uri).success();
            assertArrayEquals(Files.readAllBytes(plain), disk.durableBytes(0, (int) SIZE_BYTES));
            Tools.run("qemu-io", "-f", "raw", "-c", "write -P 7 0 20M", uri).success();
            Tools.run("qemu-img", "convert", "-n", "-f", "qcow2", "-O", "raw", qcow2.toString(), uri).success();
            assertArrayEquals(Files.readAllBytes(plain), disk.durableBytes(0, (int) SIZE_BYTES));
        }
        assertTrue(disk.isLeft());
    }

    @Test
    void qemuIoWritesZeroesAndDiscards() throws Exception {
        Tools.require("qemu-io", "qemu-img");
        MemoryDisk disk = serveDisk(SIZE_BYTES);

        Tools.run("qemu-io", "-f", "raw", "-t", "writeback",
                "-c", "write -P 1 0 1M", "-c", "write -f -P 2 1M 511k", "-c", "write -P 3 1000001 333",
                "-c", "write -z -n 64k 64k", "-c", "write -z -u 128k 64k", "-c", "discard 192k 64k",
                "-c", "flush", "-c", "read -P 1 0 64k", "-c", "read -P 0 64k 192k", "-c", "read -P 2 1M 511k",
                "-c", "read -P 3 1000001 333", tcp).success();

        assertTrue(disk.durableWrites.get() + disk.flushes.get() >= 2);
        assertEquals(3, disk.durableBytes(1_000_001, 333)[332]);
        String map = Tools.run("qemu-img", "map", "--output=json", "-f", "raw", unix).success();
        assertTrue(map.contains("\"start\": 131072, \"length\": 131072"), map);
    }

    @Test
    void nbdshZeroesFastKeepsSpaceAndIsRefusedBeyondTheEnd() throws Exception {
        Tools.require("nbdsh");
        Tools.requireThat(nbdsh("import nbd").status() == 0, "nbdsh's Python module is not there");
        MemoryDisk disk = serveDisk(6L << 30);

        String output = nbdsh(String.join("\n",
                "h.add_meta_context(nbd.CONTEXT_BASE_ALLOCATION)",
                "h.connect_uri('" + unix + "')",
                "h.set_strict_mode(0)",
                "h.pwrite(b'x' * 65536, 0, nbd.CMD_FLAG_FUA)",
                "h.zero(4096, 4096, nbd.CMD_FLAG_NO_HOLE | nbd.CMD_FLAG_FAST_ZERO)",
                "h.zero(4096, 8192, nbd.CMD_FLAG_FAST_ZERO | nbd.CMD_FLAG_FUA)",
                "h.trim(4096, 12288, nbd.CMD_FLAG_FUA)",
                "h.zero(4294963200, 65536, nbd.CMD_FLAG_FAST_ZERO)",
                "found = []",
                "h.block_status(65536, 0, lambda name, offset, entries, error: found.extend(entries))",
                "print(found[0:10])",
                "print(h.pread(65536, 0) == b'x' * 4096 + bytes(12288) + b'x' * 49152)",
                "def refused(act):",
                "    try:",
                "        act()",
                "    except nbd.Error as e:",
                "        print(e.errno)",
                "end = 6 << 30",
                "refused(lambda: h.pwrite(b'y' * 100, end - 50))",
                "refused(lambda: h.zero(100, end - 50))",
                "refused(lambda: h.trim(100, end - 50))",
                "refused(lambda: h.pwrite(b'y', 0, 1 << 6))",
                "h.pwrite(b'z' * 50, end - 50)",
                "h.flush()",
                "h.shutdown()",
                "")).success();

        assertEquals("[4096, 0, 4096, 2, 8192, 3, 49152, 0]\nTrue\nENOSPC\nENOSPC\nEINVAL\nEINVAL",
                output.strip());
        assertEquals('z', disk.durableBytes((6L << 30) - 1, 1)[0]);
    }

    @Test
    void aFlushOfOneNbdshConnectionCoversTheOthers() throws Exception {
        Tools.require("nbdsh");
        Tools.requireThat(nbdsh("import nbd").status() == 0, "nbdsh's Python module is not there");
        MemoryDisk disk = serveDisk(64 << 20);

        nbdsh(String.join("\n",
                "others = [nbd.NBD() for i in range(4)]",
                "for i, other in enumerate(others):",
                "    other.connect_uri('" + unix + "')",
                "    assert other.can_multi_conn()",
                "    other.pwrite(bytes([i + 1]) * 1000001, i << 22)",
                "h.connect_uri('" + tcp + "')",
                "h.flush()",
                "for i in range(4):",
                "    assert h.pread(1000001, i << 22) == bytes([i + 1]) * 1000001",
                "")).success();

        for (int i = 0; i < 4; i++) {
            assertEquals(i + 1, disk.durableBytes(((long) i << 22) + 1_000_000, 1)[0]);
        }
        assertEquals(1, disk.flushes.get());
    }

    /** With the system's Python, whose module it needs, whatever other Python comes first. */
    private static Tools.Output nbdsh(String script) throws Exception {
        return Tools.run("env", "PATH=/usr/bin:/bin", "nbdsh", "-c", script);
    }
}
