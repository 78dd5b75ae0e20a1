package cairn.server.storage;

import java.util.List;
import java.util.Optional;

/**
 * Small records with versions, changed on conditions: accounts, images, snapshots, uploads.
 *
 * <p>A key is a path such as {@code image/ami-0123456789abcdef0}. Versions start at 1 and grow by one with each
 * change of a record.
 */
public interface Catalog {
    int VALUE_BYTES_MAX = 1 << 20;

    /** A record as it was read. */
    record Entry(String key, long version, byte[] value) {}

    /** A change that is made only if its condition holds. */
    sealed interface Change {
        String key();

        /** Makes a record that must not be there yet. */
        record PutIfAbsent(String key, byte[] value) implements Change {}

        /** Replaces a record that must still have this version. */
        record PutIfVersion(String key, long version, byte[] value) implements Change {}

        /** Removes a record that must still have this version. */
        record Delete(String key, long version) implements Change {}
    }

    Optional<Entry> find(String key);

    /**
     * Lists records in the order of their keys' UTF-8 bytes.
     *
     * @param prefix what every key begins with
     * @param after only keys after this one; empty for all
     * @param entriesMax at most so many
     */
    List<Entry> list(String prefix, String after, int entriesMax);

    /**
     * Makes all changes or none. When it returns they, and all that was sealed and indexed before, survive a crash.
     *
     * @throws cairn.StoreException CONFLICT, naming the key, if a condition does not hold; NO_SPACE if the disk is full
     */
    void commit(List<Change> changes);
}
