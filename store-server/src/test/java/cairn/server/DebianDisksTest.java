package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Shows that the two disks are what tests of deduplication need: related, and not the same. */
class DebianDisksTest {
    private static final int CHUNK_BYTES = 64 << 10;

    @Test
    void mostOfTheFirstDiskIsUnchangedOnTheSecond() throws Exception {
        DebianDisks disks = DebianDisks.get();

        int used = 0;
        int unchanged = 0;
        int added = 0;
        try (InputStream base = Files.newInputStream(disks.base());
                InputStream more = Files.newInputStream(disks.more())) {
            byte[] zeros = new byte[CHUNK_BYTES];
            byte[] before = base.readNBytes(CHUNK_BYTES);
            for (; before.length > 0; before = base.readNBytes(CHUNK_BYTES)) {
                byte[] after = readSame(more, before.length);
                boolean isUsed = !Arrays.equals(before, zeros);
                boolean isSame = Arrays.equals(before, after);
                used += isUsed ? 1 : 0;
                unchanged += isUsed && isSame ? 1 : 0;
                added += isSame ? 0 : 1;
            }
        }

        assertEquals(Files.size(disks.base()), Files.size(disks.more()));
        assertTrue(unchanged > used * 0.9, unchanged + " of " + used + " chunks are unchanged");
        assertTrue(added > used * 0.02, added + " chunks are new");
    }

    private static byte[] readSame(InputStream in, int lengthBytes) throws IOException {
        byte[] bytes = in.readNBytes(lengthBytes);
        assertEquals(lengthBytes, bytes.length, "both disks are of one size");
        return bytes;
    }
}
