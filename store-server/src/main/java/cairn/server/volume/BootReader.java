package cairn.server.volume;

import cairn.StoreException;
import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import cairn.image.ImageId;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.tree.TreeReader;
import cairn.tree.TreeRoot;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads what a boot will want into the cache, in the order in which it will be wanted: a few chunks at a time, on a
 * thread of its own, and only while no load that somebody waits for is pending. One serves all who boot the same disk
 * at the same time, and ends when they have left. Made for one boot, which others may join.
 */
final class BootReader {
    /** Chunks that are loaded in a row, which a reader who wants one of them waits for. */
    static final int GROUP_CHUNKS = 8;

    private static final Logger log = LoggerFactory.getLogger(BootReader.class);

    private final ImageId image;
    private final DomainId domain;
    private final TreeRoot root;
    private final Loads loads;
    private int boots = 1;
    private BootOrder named = BootOrder.empty();
    private final List<Long> ahead = new ArrayList<>();

    /**
     * What readers load from.
     *
     * @param chunksMax most that one reader loads
     */
    record Loads(BootProfiles profiles, PageCache pages, ChunkCache chunks, DemandLoads demand, long chunksMax) {}

    BootReader(ImageId image, DomainId domain, TreeRoot root, Loads loads) {
        this.image = image;
        this.domain = domain;
        this.root = root;
        this.loads = loads;
    }

    /** One more boot, unless all have left. */
    synchronized boolean tryJoin() {
        if (boots == 0) {
            return false;
        }
        boots++;
        return true;
    }

    /** One boot less. */
    synchronized void leave() {
        boots--;
    }

    private synchronized boolean isWanted() {
        return boots > 0;
    }

    /** Reads ahead to the end of the profile, or until nobody boots any more. Blocks. */
    void run() {
        try {
            BootOrder order = loads.profiles.find(image).map(BootProfile::order).orElse(BootOrder.empty());
            name(order);
            int end = (int) Math.min(order.size(), loads.chunksMax);
            for (int at = 0; at < end && isWanted(); at += GROUP_CHUNKS) {
                loads.demand.awaitNone();
                load(order, at, Math.min(end, at + GROUP_CHUNKS));
            }
        } catch (StoreException e) {
            // What is damaged is told to whoever asks for it.
            log.debug("reading ahead for {} ends: {}", image, e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized void name(BootOrder order) {
        named = order;
    }

    private void load(BootOrder order, int from, int end) {
        TreeReader tree = new TreeReader(root, id -> loads.pages.read(domain, id));
        Set<ChunkId> ids = new LinkedHashSet<>();
        Map<ItemKey, Long> positions = new HashMap<>();
        for (int at = from; at < end; at++) {
            // A profile that was inherited may know more of the disk than there is.
            if (order.at(at) < Chunk.count(root.sizeBytes())) {
                ChunkId id = tree.chunkAt(order.at(at));
                if (!id.isAbsent()) {
                    ids.add(id);
                    positions.putIfAbsent(ItemKey.of(id), order.at(at));
                }
            }
        }
        loads.chunks.loadHere(domain, ids, begun -> note(begun, positions));
    }

    /** Before they are loaded: a boot may end as soon as it has got the last of them. */
    private synchronized void note(Set<ItemKey> begun, Map<ItemKey, Long> positions) {
        begun.forEach(key -> ahead.add(positions.get(key)));
    }

    /** What the profile names, once it has been found. */
    synchronized BootOrder named() {
        return named;
    }

    /** What it has begun to load so far: without what others had loaded already. */
    synchronized BootOrder ahead() {
        return BootOrder.of(ahead.stream().mapToLong(Long::longValue).toArray());
    }
}
