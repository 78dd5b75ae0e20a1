package cairn.server.storage;

import java.util.List;

/**
 * Keeps items in the order in which they arrive, each under the ordinal that it is given.
 *
 * <p>One thread at a time appends, seals or abandons; any number may read. What was appended can be read once
 * {@link #seal} has returned, and from then on survives a crash at the latest when a later
 * {@linkplain Catalog#commit commit} has returned. Whoever reads gets the item that was stored or an exception, never
 * other bytes. Every method throws a {@link cairn.StoreException} SHUTTING_DOWN once the storage is closed.
 */
public interface SegmentStore {
    /** The longest packed item that is taken. */
    int ITEM_BYTES_MAX = 128 * 1024;

    /** An item as it was read. */
    record Item(long ordinal, ItemKey key, byte[] packed) {}

    /**
     * Adds an item to the open segment, or begins one.
     *
     * @return its {@linkplain Ordinal ordinal}, greater than every ordinal given before, in this run or an earlier one
     * @throws cairn.StoreException NO_SPACE if the disk is full; then only {@link #abandon} makes sense. TOO_LARGE
     *     for more than {@link #ITEM_BYTES_MAX} bytes, INVALID_REQUEST for none, or where the segment already holds
     *     {@link Ordinal#SLOTS_MAX} items
     */
    long append(ItemKey key, byte[] packed, int offset, int lengthBytes);

    /** How many packed bytes the open segment holds: what {@link #seal} would make readable. */
    long openBytes();

    /**
     * Ends the open segment and makes it readable. Does nothing where nothing was appended.
     *
     * @throws cairn.StoreException NO_SPACE if the disk is full; then only {@link #abandon} makes sense
     */
    void seal();

    /** Forgets the open segment and gives its space back. */
    void abandon();

    /**
     * Reads a packed item.
     *
     * @throws cairn.StoreException CORRUPT if what is stored is not the item {@code key}, is damaged, or is not there
     */
    byte[] read(long ordinal, ItemKey key);

    /**
     * Reads the items of a range of ordinals in order, which is far cheaper than one by one. Gaps between ordinals are
     * passed over. It ends before the range does once it holds {@code bytesMax} packed bytes, or before a damaged item;
     * ask again from the last ordinal + 1. Empty only where the range holds nothing more.
     *
     * @param fromOrdinal the first ordinal
     * @param untilOrdinal the ordinal after the last
     * @param bytesMax at least 1; the last item may exceed it
     * @throws cairn.StoreException CORRUPT if the first item of the range is damaged
     */
    List<Item> readRun(long fromOrdinal, long untilOrdinal, long bytesMax);

    /** Bytes on disk of all sealed segments, everything counted. */
    long storedBytes();
}
