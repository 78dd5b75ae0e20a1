package cairn.client;

import cairn.chunk.Chunk;
import cairn.disk.DiskRange;
import cairn.disk.DiskSource;
import cairn.tree.Page;
import cairn.tree.Tree;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Optional;
import java.util.function.LongConsumer;

/** The 16 MiB of a disk that one page of level 0 covers, in memory that is used again. For one thread at a time. */
final class LeafWindow {
    private static final int SPAN_BYTES = Math.toIntExact(Tree.LEAF_SPAN_BYTES);

    private final byte[] plain = new byte[SPAN_BYTES];
    private final BitSet touched = new BitSet(Page.CHILDREN);

    /** Visits, in order, every window in which a disk may hold data. */
    static void forEach(DiskSource disk, LongConsumer visitor) {
        long offset = 0;
        while (offset < disk.sizeBytes()) {
            Optional<DiskRange> data = disk.nextData(offset);
            if (data.isEmpty()) {
                return;
            }
            long leafIndex = Math.max(data.get().offset(), offset) / SPAN_BYTES;
            visitor.accept(leafIndex);
            offset = (leafIndex + 1) * SPAN_BYTES;
        }
    }

    /** How many bytes of a disk are to be read. */
    static long dataBytes(DiskSource disk) {
        long total = 0;
        long offset = 0;
        while (offset < disk.sizeBytes()) {
            Optional<DiskRange> data = disk.nextData(offset);
            if (data.isEmpty()) {
                break;
            }
            offset = data.get().endOffset();
            total += data.get().lengthBytes();
        }
        return total;
    }

    /** Reads what may hold data, and nothing else. @return how many bytes were read */
    long read(DiskSource disk, long leafIndex) {
        long start = leafIndex * SPAN_BYTES;
        long end = Math.min(start + SPAN_BYTES, disk.sizeBytes());
        touched.clear();
        long readBytes = 0;
        int filled = 0;
        long offset = start;
        while (offset < end) {
            Optional<DiskRange> data = disk.nextData(offset);
            if (data.isEmpty() || data.get().offset() >= end) {
                break;
            }
            int from = Math.toIntExact(Math.max(data.get().offset(), offset) - start);
            int to = Math.toIntExact(Math.min(data.get().endOffset(), end) - start);
            Arrays.fill(plain, filled, from, (byte) 0);
            disk.read(start + from, plain, from, to - from);
            touched.set(from / Chunk.SIZE_BYTES, (to - 1) / Chunk.SIZE_BYTES + 1);
            readBytes += to - from;
            filled = to;
            offset = start + to;
        }
        int lastChunkEnd = touched.length() * Chunk.SIZE_BYTES;
        if (filled < lastChunkEnd) {
            Arrays.fill(plain, filled, lastChunkEnd, (byte) 0);
        }
        return readBytes;
    }

    /** Names the chunks that were read; empty if all are zero. */
    Optional<Page> page() {
        Page.Builder page = new Page.Builder(0);
        for (int slot = touched.nextSetBit(0); slot >= 0; slot = touched.nextSetBit(slot + 1)) {
            page.set(slot, Chunk.idOf(plain, slot * Chunk.SIZE_BYTES).digest());
        }
        return page.isEmpty() ? Optional.empty() : Optional.of(page.build());
    }

    /** The window's bytes; those of chunks that are absent from the page mean nothing. */
    byte[] plain() {
        return plain;
    }
}
