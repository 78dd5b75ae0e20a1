package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.api.Messages;
import cairn.image.VolumeId;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * fio writes to one volume from several connections at once and reads everything back: each of its blocks carries its
 * own checksum and its place.
 */
class FioVolumeTest {
    private static final long SIZE_BYTES = 192L << 20;
    /** A part of the volume for each job. Those that fio can look at later again, without writing. */
    private static final String WRITERS = """
            [global]
            ioengine=nbd
            verify=crc32c
            verify_fatal=1
            verify_state_save=0
            serialize_overlap=1
            end_fsync=1
            iodepth=16
            size=8m
            uri=%s
            [sequential-4k]
            rw=write
            bs=4k
            fsync=64
            offset=0
            [random-4k]
            rw=randwrite
            bs=4k
            fsync=64
            offset=16m
            [random-of-any-size]
            rw=randwrite
            bsrange=512-64k
            bs_unaligned=1
            fsync=64
            offset=33m
            [sequential-1m]
            rw=write
            bs=1m
            offset=49m
            [random-512]
            rw=randwrite
            bs=512
            size=1m
            offset=65m
            [trim-then-write]
            rw=trimwrite
            bs=64k
            offset=80m
            [random-over-what-was-trimmed]
            rw=randwrite
            bs=16k
            offset=96m
            """;
    /** Beside them; fio 3.33 does not come back to what it has trimmed, so others look at that. */
    private static final String TRIMMERS = """
            [random-trim]
            rw=randtrim
            bs=4k
            offset=128m
            [long-trim]
            rw=randtrim
            bs=1m
            offset=136m
            """;
    private static final long TRIMMED_FROM = 128L << 20;
    private static final int TRIMMED_BYTES = 16 << 20;

    @TempDir
    private Path folder;

    private ServerProcess server;
    private String volume;

    @BeforeEach
    void makeVolume() throws Exception {
        Tools.require("fio", "qemu-io");
        server = ServerProcess.start(folder.resolve("data"));
        volume = server.connect()
                .createVolume(new Messages.CreateVolume(null, SIZE_BYTES, false, false, null))
                .id();
        qemuIo("write -P 0x5a 96M 8M", "discard 96M 8M", "write -P 0x5a 128M 16M", "flush").success();
    }

    @AfterEach
    void stop() {
        if (server != null) {
            server.close();
        }
    }

    @Test
    void readsBackWhatSeveralJobsWroteAndTrimmed() throws Exception {
        Path writers = Files.writeString(folder.resolve("writers.fio"), WRITERS.formatted(socketUri()));
        Path all = Files.writeString(folder.resolve("all.fio"), WRITERS.formatted(tcpUri()) + TRIMMERS);

        assertClean(Tools.run("fio", all.toString()));
        assertClean(Tools.run("fio", "--verify_only", writers.toString()));
        assertTrimmed();

        server.kill();
        server = ServerProcess.start(folder.resolve("data"));
        assertClean(Tools.run("fio", "--verify_only", writers.toString()));
        assertTrimmed();

        // A check of the check.
        qemuIo("write -P 7 34M 512").success();
        Tools.Output wrong = Tools.run("fio", "--verify_only", writers.toString());
        assertNotEquals(0, wrong.status(), wrong.stdout());
        assertTrue((wrong.stdout() + wrong.stderr()).contains("verify failed"), wrong.stdout() + wrong.stderr());
    }

    private static void assertClean(Tools.Output fio) {
        assertEquals(0, fio.status(), () -> fio.stdout() + fio.stderr());
    }

    private void assertTrimmed() throws Exception {
        try (NbdDisk disk = NbdDisk.open(URI.create(socketUri()))) {
            byte[] trimmed = disk.read(TRIMMED_FROM, TRIMMED_BYTES);
            assertEquals(-1, Arrays.mismatch(trimmed, new byte[TRIMMED_BYTES]));
        }
    }

    private Tools.Output qemuIo(String... commands) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("qemu-io", "-f", "raw"));
        for (String each : commands) {
            command.addAll(List.of("-c", each));
        }
        command.add(socketUri());
        return Tools.run(command);
    }

    private String socketUri() {
        return server.socketUri(volume);
    }

    private String tcpUri() throws IOException {
        return server.connect().exportUri(new VolumeId(volume)).uri();
    }
}
