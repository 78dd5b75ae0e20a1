package cairn.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import cairn.api.GcMessages;
import cairn.api.Messages;
import cairn.image.ImageId;
import cairn.image.Region;
import cairn.image.VolumeId;
import cairn.server.storage.TestDisk;
import cairn.sigv4.CredentialsFile;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.ebs.EbsClient;
import software.amazon.awssdk.services.ebs.model.Block;
import software.amazon.awssdk.services.ebs.model.EbsException;

/** A server whose disk is full, on a small file system of its own, which takes root to mount. */
class FullStoreTest {
    private static final int MIB = 1 << 20;
    /** What the server holds in reserve, 256 MiB, and then some. */
    private static final String FILE_SYSTEM_SIZE = "400m";
    private static final int BALLAST_BYTES = 100 * MIB;
    /** More than there is room for. */
    private static final int VOLUME_BYTES = 64 * MIB;
    private static final int BLOCKS_KEPT = 6;
    /** As NBD has it. */
    private static final int ENOSPC = 28;

    @TempDir
    Path folder;

    private Path mounted;
    private boolean isMounted;

    @BeforeEach
    void mount() throws Exception {
        Tools.requireThat(System.getProperty("user.name").equals("root"), "only root can mount a file system");
        mounted = Files.createDirectory(folder.resolve("mounted"));
        isMounted = Tools.run(
                                "mount", "-t", "tmpfs", "-o", "size=" + FILE_SYSTEM_SIZE, "tmpfs", mounted.toString())
                        .status()
                == 0;
        Tools.requireThat(isMounted, "a tmpfs can not be mounted here");
        Files.write(mounted.resolve("ballast"), new byte[BALLAST_BYTES]);
    }

    @AfterEach
    void unmount() throws Exception {
        if (isMounted) {
            Tools.run("umount", mounted.toString()).success();
        }
    }

    @Test
    void saysThatItIsFullAndWorksAgainOnceThereIsSpace() throws Exception {
        try (ServerProcess server = ServerProcess.start(mounted.resolve("data"))) {
            StoreUser user = new StoreUser(server.connect(), folder);
            Path small = user.noiseDisk(1, 8 * MIB);
            String image = user.push(small, "before").image().id();
            Path large = user.noiseDisk(2, 80 * MIB);

            String line = Cli.failure(1, server.cli().run("push", large.toString(), "--name", "too large"));

            assertTrue(line.contains("no space left"), line);
            user.assertComesBack(image, small);
            assertEquals(1, user.client().stats().images());
            freeSpace();
            user.assertComesBack(user.push(large, "fits now").image().id(), large);
            user.assertStoreWorks();
        }
    }

    @Test
    void comesBackAfterItWasStoppedFull() throws Exception {
        Path data = mounted.resolve("data");
        Path small;
        String image;
        try (ServerProcess server = ServerProcess.start(data)) {
            StoreUser user = new StoreUser(server.connect(), folder);
            small = user.noiseDisk(1, 8 * MIB);
            image = user.push(small, "before").image().id();
            Path large = user.noiseDisk(2, 80 * MIB);
            Cli.failure(1, server.cli().run("push", large.toString(), "--name", "too large"));
        }

        try (ServerProcess server = ServerProcess.start(data)) {
            StoreUser user = new StoreUser(server.connect(), folder);
            user.assertComesBack(image, small);
            freeSpace();
            user.assertStoreWorks();
        }
    }

    /** Whoever brings data is refused, each in the words of his protocol; who removes, and the collector, are not. */
    @Test
    void givesSpaceBackWhileItIsFullAndHasLostNothing() throws Exception {
        try (ServerProcess server = ServerProcess.start(mounted.resolve("data"))) {
            StoreUser user = new StoreUser(server.connect(), folder);
            AwsUser aws = new AwsUser(
                    server.http(),
                    CredentialsFile.read(server.credentials(), CredentialsFile.DEFAULT_PROFILE),
                    Region.LOCAL);
            VolumeId volume = new VolumeId(user.client()
                    .createVolume(new Messages.CreateVolume(null, (long) VOLUME_BYTES, false, false, null))
                    .id());
            Path kept = user.noiseDisk(1, 4 * MIB);
            String keptImage = user.push(kept, "kept").image().id();
            Path removed = user.noiseDisk(2, 16 * MIB);
            String removedImage = user.push(removed, "removed").image().id();
            try (EbsClient ebs = aws.ebs();
                    NbdDisk disk = NbdDisk.open(URI.create(server.socketUri(volume.value())))) {
                EbsWriter writer = new EbsWriter(ebs);
                String pending = writer.start();
                TestDisk blocks = TestDisk.of(noise(3, (BLOCKS_KEPT + 1) * EbsWriter.BLOCK));
                byte[] written = noise(4, VOLUME_BYTES);
                for (int index = 0; index < BLOCKS_KEPT; index++) {
                    writer.put(pending, index, EbsWriter.block(blocks, index));
                }
                int writesKept = fillByNbd(disk, written);
                EbsException refused = assertThrows(
                        EbsException.class,
                        () -> writer.put(pending, BLOCKS_KEPT, EbsWriter.block(blocks, BLOCKS_KEPT)));
                assertTrue(refused.getMessage().contains("no space left"), refused.getMessage());
                String line = Cli.failure(
                        1, server.cli().run("push", user.noiseDisk(5, 8 * MIB).toString(), "--name", "too large"));
                assertTrue(line.contains("no space left"), line);

                user.client().removeImage(new ImageId(removedImage));
                long before = user.client().stats().usableBytes();
                GcMessages.Status collected = Garbage.collect(user.client());

                long after = user.client().stats().usableBytes();
                assertTrue(after - before > 12L * MIB, before + " bytes were free, now " + after + ": " + collected);
                writer.put(pending, BLOCKS_KEPT, EbsWriter.block(blocks, BLOCKS_KEPT));
                disk.write((long) writesKept * MIB, Arrays.copyOfRange(written, writesKept * MIB, (writesKept + 1) * MIB), true);
                user.assertStoreWorks();

                user.assertComesBack(keptImage, kept);
                for (int n = 0; n <= writesKept; n++) {
                    assertArrayEquals(
                            Arrays.copyOfRange(written, n * MIB, (n + 1) * MIB), disk.read((long) n * MIB, MIB), "MiB " + n);
                }
                writer.complete(pending, BLOCKS_KEPT + 1);
                for (Block each : writer.list(pending).blocks()) {
                    assertArrayEquals(EbsWriter.block(blocks, each.blockIndex()), writer.get(pending, each));
                }
            }
        }
    }

    /** @return how many MiB were taken before one was refused */
    private static int fillByNbd(NbdDisk disk, byte[] bytes) throws IOException {
        for (int n = 0; n < VOLUME_BYTES / MIB; n++) {
            try {
                disk.write((long) n * MIB, Arrays.copyOfRange(bytes, n * MIB, (n + 1) * MIB), true);
            } catch (NbdDisk.Refused e) {
                assertTrue(e.getMessage().endsWith("error " + ENOSPC), e.getMessage());
                return n;
            }
        }
        return fail(VOLUME_BYTES + " bytes were taken by a full store");
    }

    private static byte[] noise(long seed, int lengthBytes) {
        byte[] noise = new byte[lengthBytes];
        new Random(seed).nextBytes(noise);
        return noise;
    }

    private void freeSpace() throws IOException {
        Files.delete(mounted.resolve("ballast"));
    }
}
