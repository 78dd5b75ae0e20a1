package cairn.server.sim;

import cairn.server.storage.Catalog;
import cairn.server.storage.DomainId;
import cairn.server.storage.ItemKey;
import cairn.server.storage.PageChildren;
import cairn.server.storage.PendingBlocks;
import cairn.server.storage.VolumeBlocks.Layer;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/** All that a simulated disk holds at one moment. Not for several threads. */
final class SimState {
    private static final Comparator<Layer> BY_VOLUME_AND_NUMBER =
            Comparator.comparingLong(Layer::volume).thenComparingInt(Layer::number);

    /** An item of a sealed segment. @param isRotten it reads as damaged */
    record Stored(ItemKey key, byte[] packed, boolean isRotten) {}

    record Place(DomainId domain, ItemKey key) {}

    /** Sealed segments that lie together, by the first ordinal that they had. */
    record Extent(long lastOrdinal, boolean isSettled) {}

    /** What a layer of a volume holds; the blocks themselves never change. */
    record Layered(TreeMap<Long, byte[]> blocks, TreeMap<Long, Integer> states) {
        Layered() {
            this(new TreeMap<>(), new TreeMap<>());
        }
    }

    final TreeMap<Long, Stored> items = new TreeMap<>();
    final TreeMap<Long, Extent> extents = new TreeMap<>();
    final Map<Place, Long> rows = new HashMap<>();
    final Map<Long, PageChildren> children = new HashMap<>();
    final TreeMap<byte[], Catalog.Entry> records = new TreeMap<>(Arrays::compareUnsigned);
    final TreeMap<Layer, Layered> layers = new TreeMap<>(BY_VOLUME_AND_NUMBER);
    final TreeMap<Long, TreeMap<Integer, PendingBlocks.Row>> pending = new TreeMap<>();

    SimState copy() {
        SimState copy = new SimState();
        copy.items.putAll(items);
        copy.extents.putAll(extents);
        copy.rows.putAll(rows);
        copy.children.putAll(children);
        copy.records.putAll(records);
        layers.forEach((layer, held) -> copy.layers.put(
                layer, new Layered(new TreeMap<>(held.blocks), new TreeMap<>(held.states))));
        pending.forEach((snapshot, blocks) -> copy.pending.put(snapshot, new TreeMap<>(blocks)));
        return copy;
    }
}
