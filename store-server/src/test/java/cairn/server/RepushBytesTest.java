package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Digest;
import cairn.api.ItemBatch;
import cairn.api.Missing;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.client.ImageUploader;
import cairn.image.Region;
import cairn.sigv4.Credentials;
import cairn.sigv4.CredentialsFile;
import cairn.tree.Page;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What passes between client and server, both ways and heads included, for a disk that the store has, or nearly. */
class RepushBytesTest {
    private static final int PAGES = 3;
    private static final int DISK_BYTES = PAGES * Page.CHILDREN * Chunk.SIZE_BYTES;
    /** Heads of a request and its answer; they are some 600. */
    private static final int HEADS_BYTES_MAX = 800;
    /** What starts an upload and what commits it, and their answers. */
    private static final int JSON_BYTES_MAX = 1600;
    /** The page above, of few children. */
    private static final int TOP_BYTES_MAX = 256;
    /** An item beside the bytes that do not pack. */
    private static final int AROUND_ITEM_BYTES = ItemBatch.ITEM_HEADER_BYTES + ChunkCodec.HEADER_BYTES;

    /** The id of each page, and start, top page and commit. */
    private static final int UNCHANGED_BYTES_MAX = PAGES * (Digest.SIZE_BYTES + 1)
            + (PAGES + 3) * HEADS_BYTES_MAX + JSON_BYTES_MAX + TOP_BYTES_MAX;
    private static final int ASK_BYTES_MAX = Page.SIZE_BYTES + Missing.SIZE_BYTES + HEADS_BYTES_MAX;
    /** The chunk and the page that names it, in one batch; and that page, and those after it, asked for as a whole. */
    private static final int CHANGED_BYTES_MAX = UNCHANGED_BYTES_MAX + PAGES * ASK_BYTES_MAX
            + HEADS_BYTES_MAX + ItemBatch.HEADER_BYTES + Chunk.SIZE_BYTES + Page.SIZE_BYTES + 2 * AROUND_ITEM_BYTES;

    @TempDir
    private Path folder;

    @Test
    void aDiskThatIsKnownTakesTheIdsOfItsPagesAndADiskWithOneNewChunkThatToo() throws IOException {
        try (TestStore store = new TestStore(folder.resolve("data"));
                TcpRelay relay = new TcpRelay(store.server().httpAddress(), Long.MAX_VALUE)) {
            Credentials key = CredentialsFile.read(folder.resolve("data/credentials"), CredentialsFile.DEFAULT_PROFILE);
            StoreUser user = new StoreUser(new AwsUser(relay.http(), key, Region.LOCAL).store(), folder);
            Path disk = user.noiseDisk(1, DISK_BYTES);
            user.push(disk, "first");

            long before = relay.passedBytes();
            ImageUploader.Result unchanged = user.push(disk, "unchanged");
            long unchangedBytes = relay.passedBytes() - before;
            try (FileChannel file = FileChannel.open(disk, StandardOpenOption.WRITE)) {
                file.write(ByteBuffer.wrap(new byte[] {1, 2, 3, 4, 5, 6, 7, 8}), DISK_BYTES / 2);
            }
            before = relay.passedBytes();
            ImageUploader.Result changed = user.push(disk, "changed");
            long changedBytes = relay.passedBytes() - before;

            assertEquals(0, unchanged.chunksSent());
            assertTrue(unchangedBytes <= UNCHANGED_BYTES_MAX, unchangedBytes + " of " + UNCHANGED_BYTES_MAX);
            assertEquals(1, changed.chunksSent());
            assertTrue(changedBytes <= CHANGED_BYTES_MAX, changedBytes + " of " + CHANGED_BYTES_MAX);
            // Nor are the bounds so wide that a page, or a chunk more, would go unnoticed.
            assertTrue(UNCHANGED_BYTES_MAX < Page.SIZE_BYTES, "at most " + UNCHANGED_BYTES_MAX);
            assertTrue(changedBytes > CHANGED_BYTES_MAX - Chunk.SIZE_BYTES, changedBytes + " of " + CHANGED_BYTES_MAX);
        }
    }
}
