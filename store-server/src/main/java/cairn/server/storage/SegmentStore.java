package cairn.server.storage;

/**
 * Keeps items in the order in which they arrive, each under the ordinal that it is given.
 *
 * <p>One thread at a time appends, seals or abandons; any number may read. What was appended can be read once
 * {@link #seal} has returned, and from then on survives a crash at the latest when a later
 * {@linkplain Catalog#commit commit} has returned. Whoever reads gets the item that was stored or an exception, never other bytes.
 */
public interface SegmentStore {
    /** The longest packed item that is taken. */
    int ITEM_BYTES_MAX = 128 * 1024;

    /**
     * Adds an item to the open segment.
     *
     * @return its ordinal, greater than every ordinal given before, in this run or an earlier one
     * @throws cairn.StoreException NO_SPACE if the disk is full; then only {@link #abandon} makes sense
     */
    long append(ItemKey key, byte[] packed, int offset, int lengthBytes);

    /** How many bytes the open segment holds: what {@link #seal} would make readable. */
    long openBytes();

    /** Ends the open segment and makes it readable. Does nothing where nothing was appended. */
    void seal();

    /** Forgets the open segment and gives its space back. */
    void abandon();

    /**
     * Reads a packed item.
     *
     * @throws cairn.StoreException CORRUPT if what is stored is not the item {@code key}, is damaged, or is not there
     */
    byte[] read(long ordinal, ItemKey key);

    /** Bytes on disk of all sealed segments, everything counted. */
    long storedBytes();
}
