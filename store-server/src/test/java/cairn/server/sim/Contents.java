package cairn.server.sim;

import cairn.chunk.Chunk;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.chunk.Codec;
import cairn.tree.Page;
import cairn.tree.TreeBuilder;
import cairn.tree.TreeRoot;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Consumer;

/** The few chunks of which all disks consist, by their numbers; 0 is zeros. */
final class Contents {
    static final int CHUNKS = 40;

    /** A chunk of which all is known. */
    record Known(byte[] plain, ChunkId id, byte[] packed) {}

    /** A disk by the numbers of its chunks, those of zeros left out. */
    record Content(long sizeBytes, NavigableMap<Long, Integer> chunks) {
        Content {
            chunks = new TreeMap<>(chunks);
        }

        int chunk(long index) {
            return chunks.getOrDefault(index, 0);
        }

        Content with(NavigableMap<Long, Integer> changes) {
            TreeMap<Long, Integer> changed = new TreeMap<>(chunks);
            changes.forEach((index, number) -> {
                if (number == 0) {
                    changed.remove(index);
                } else {
                    changed.put(index, number);
                }
            });
            return new Content(sizeBytes, changed);
        }
    }

    private final List<Known> known = new ArrayList<>();
    private final Map<ChunkId, Known> byId = new HashMap<>();

    Contents() {
        for (int number = 0; number < CHUNKS; number++) {
            byte[] plain = new byte[Chunk.SIZE_BYTES];
            if (number > 0) {
                Arrays.fill(plain, (byte) number);
                byte[] noise = new byte[300 * (1 + number % 4)];
                new Random(number).nextBytes(noise);
                System.arraycopy(noise, 0, plain, 512, noise.length);
            }
            Known chunk = new Known(plain, Chunk.idOf(plain, 0), pack(plain));
            known.add(chunk);
            byId.put(chunk.id, chunk);
        }
    }

    static byte[] pack(byte[] plain) {
        byte[] scratch = new byte[ChunkCodec.scratchBytes(plain.length)];
        return Arrays.copyOf(scratch, ChunkCodec.pack(Codec.LZ4, plain, 0, plain.length, scratch, 0));
    }

    Known known(int number) {
        return known.get(number);
    }

    /** Null for a chunk that is none of these. */
    Known known(ChunkId id) {
        return byId.get(id);
    }

    /** @param sink gets the pages, children before parents */
    TreeRoot tree(Content content, Consumer<Page> sink) {
        TreeBuilder builder = new TreeBuilder(content.sizeBytes(), sink);
        content.chunks().forEach((index, number) -> builder.putChunk(index, known(number).id()));
        return builder.finish();
    }

    TreeRoot root(Content content) {
        return tree(content, page -> {});
    }

    byte[] plain(Content content, long offset, int lengthBytes) {
        byte[] bytes = new byte[lengthBytes];
        for (int at = 0; at < lengthBytes; at += Chunk.SIZE_BYTES) {
            int some = Math.min(Chunk.SIZE_BYTES, lengthBytes - at);
            System.arraycopy(known(content.chunk((offset + at) / Chunk.SIZE_BYTES)).plain(), 0, bytes, at, some);
        }
        return bytes;
    }
}
