package cairn.server;

import static cairn.server.EbsWriter.block;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.api.Messages;
import cairn.client.Retry;
import cairn.client.SnapshotWatch;
import cairn.client.StoreClient;
import cairn.client.TransferProgress;
import cairn.image.ImageId;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.storage.TestDisk;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.ebs.EbsClient;
import software.amazon.awssdk.services.ebs.model.Block;

/** A disk that comes by our own upload, by EBS direct and over NBD is one disk. */
class OneDiskThreeWaysTest {
    private static final int BLOCKS = 64;
    private static final long DISK_BYTES = 1L << 30;

    @TempDir
    Path folder;

    @Test
    void hasOneRootDigestAndIsStoredOnce() throws Exception {
        TestDisk content = TestDisk.random(1, BLOCKS * EbsWriter.BLOCK);
        try (TestStore store = new TestStore(folder.resolve("data"));
                EbsClient ebs = store.root().ebs()) {
            StoreClient client = store.root().store();
            Messages.Image pushed = client.image(
                    new ImageId(new StoreUser(client, folder).push(file(content), "pushed").image().id()));
            Messages.Stats once = client.stats();

            EbsWriter writer = new EbsWriter(ebs);
            SnapshotId written = new SnapshotId(writer.write(content));
            Messages.Snapshot overNbd = overNbd(store, client, content);

            assertEquals(pushed.rootDigest(), client.snapshot(written).rootDigest());
            assertEquals(pushed.rootDigest(), overNbd.rootDigest());
            assertEquals(once.chunks(), client.stats().chunks());
            assertEquals(once.uniqueBytes(), client.stats().uniqueBytes());
            for (String each : List.of(written.value(), pushed.snapshot(), overNbd.id())) {
                assertReadsEqual(store, writer, each, content);
            }
        }
    }

    private Path file(TestDisk content) throws IOException {
        Path file = folder.resolve("disk");
        try (RandomAccessFile disk = new RandomAccessFile(file.toFile(), "rw")) {
            disk.write(content.bytes());
            disk.setLength(DISK_BYTES);
        }
        return file;
    }

    private static Messages.Snapshot overNbd(TestStore store, StoreClient client, TestDisk content) throws IOException {
        VolumeId volume = new VolumeId(
                client.createVolume(new Messages.CreateVolume(null, DISK_BYTES, false, false, null)).id());
        try (NbdDisk disk = NbdDisk.open(onSocket(store, volume.value()))) {
            for (int index = 0; index < BLOCKS; index++) {
                disk.write((long) index * EbsWriter.BLOCK, block(content, index), false);
            }
            disk.flush();
        }
        return new SnapshotWatch(client, Retry.never())
                .await(client.startSnapshot(volume, new Messages.CreateSnapshot(null, null)), TransferProgress.none());
    }

    private static URI onSocket(TestStore store, String export) {
        return URI.create("nbd+unix:///" + export + "?socket=" + store.nbdSocket());
    }

    private static void assertReadsEqual(TestStore store, EbsWriter writer, String snapshot, TestDisk content)
            throws IOException {
        List<Block> blocks = writer.list(snapshot).blocks();
        assertTrue(blocks.size() > BLOCKS / 2 && blocks.size() <= BLOCKS, blocks.size() + " blocks");
        for (Block each : blocks) {
            assertArrayEquals(block(content, each.blockIndex()), writer.get(snapshot, each), snapshot);
        }
        try (NbdDisk disk = NbdDisk.open(onSocket(store, snapshot))) {
            assertEquals(DISK_BYTES, disk.sizeBytes());
            for (int index = 0; index < BLOCKS; index++) {
                assertArrayEquals(block(content, index), disk.read((long) index * EbsWriter.BLOCK, EbsWriter.BLOCK));
            }
        }
    }
}
