package cairn.server.storage;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.TOO_LARGE;

import cairn.StoreException;
import cairn.Text;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Small records with versions, changed on conditions: accounts, images, snapshots, uploads.
 *
 * <p>A key is a path such as {@code image/ami-0123456789abcdef0}. Versions start at 1 and grow by one with each
 * change of a record. Every method throws a {@link StoreException} SHUTTING_DOWN once the storage is closed.
 */
public interface Catalog {
    int VALUE_BYTES_MAX = 1 << 20;
    /** The longest key, in UTF-8. */
    int KEY_BYTES_MAX = 1024;
    /** The version of a record that is not there. */
    long ABSENT_VERSION = 0;

    /** A record as it was read. */
    record Entry(String key, long version, byte[] value) {}

    /** A change that is made only if its condition holds. */
    sealed interface Change {
        String key();

        /**
         * The version that the record has after this change.
         *
         * @param versionBefore {@link #ABSENT_VERSION} where there is no record; so is the result where it is removed
         * @throws StoreException CONFLICT, naming the key, if the condition does not hold
         */
        long versionAfter(long versionBefore);

        /** Makes a record that must not be there yet. */
        record PutIfAbsent(String key, byte[] value) implements Change {
            public PutIfAbsent {
                requireKey(key);
                requireValue(key, value);
            }

            @Override
            public long versionAfter(long versionBefore) {
                if (versionBefore != ABSENT_VERSION) {
                    throw new StoreException(CONFLICT, shown(key) + " is already there, version " + versionBefore);
                }
                return 1;
            }
        }

        /** Replaces a record that must still have this version. */
        record PutIfVersion(String key, long version, byte[] value) implements Change {
            public PutIfVersion {
                requireKey(key);
                requireVersion(key, version);
                requireValue(key, value);
            }

            @Override
            public long versionAfter(long versionBefore) {
                requireUnchanged(key, version, versionBefore);
                return version + 1;
            }
        }

        /** Removes a record that must still have this version. */
        record Delete(String key, long version) implements Change {
            public Delete {
                requireKey(key);
                requireVersion(key, version);
            }

            @Override
            public long versionAfter(long versionBefore) {
                requireUnchanged(key, version, versionBefore);
                return ABSENT_VERSION;
            }
        }

        /** Changes nothing: a record must still have this version for the other changes to be made. */
        record Require(String key, long version) implements Change {
            public Require {
                requireKey(key);
                requireVersion(key, version);
            }

            @Override
            public long versionAfter(long versionBefore) {
                requireUnchanged(key, version, versionBefore);
                return version;
            }
        }

        private static void requireKey(String key) {
            if (key.isEmpty()) {
                throw new StoreException(INVALID_REQUEST, "a catalog key is not empty");
            }
            bytesOf(key);
        }

        private static void requireVersion(String key, long version) {
            if (version <= ABSENT_VERSION) {
                throw new StoreException(INVALID_REQUEST, shown(key) + " has no version " + version);
            }
        }

        private static void requireValue(String key, byte[] value) {
            if (value.length > VALUE_BYTES_MAX) {
                throw new StoreException(
                        TOO_LARGE, shown(key) + " would be " + value.length + " bytes, at most " + VALUE_BYTES_MAX);
            }
        }

        private static void requireUnchanged(String key, long version, long versionBefore) {
            if (versionBefore == ABSENT_VERSION) {
                throw new StoreException(CONFLICT, shown(key) + " is not there, version " + version + " was expected");
            }
            if (versionBefore != version) {
                throw new StoreException(
                        CONFLICT, shown(key) + " has version " + versionBefore + ", " + version + " was expected");
            }
        }

        private static String shown(String key) {
            return "record " + Text.shown(key);
        }
    }

    /** The record under a key. @throws StoreException CORRUPT, naming the key, if it is damaged */
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
     * Visits all records under some prefixes, all as they are at one moment, in the order of their keys' bytes. The
     * visitor asks nothing of this catalog meanwhile, and is quick.
     *
     * @param prefixes none of which begins with another
     */
    void forEach(List<String> prefixes, Consumer<Entry> visitor);

    /**
     * Makes all changes or none. When it returns they, and all that was sealed and indexed before, survive a crash.
     *
     * @param changes of different records; may be empty, where only the promise for what came before is wanted
     * @throws StoreException CONFLICT, naming the key, if a condition does not hold; NO_SPACE if the disk is full;
     *     INVALID_REQUEST if a key comes twice
     */
    void commit(List<Change> changes);

    /**
     * A key, or what keys begin with, as the bytes whose order is the catalog's.
     *
     * @throws StoreException INVALID_REQUEST if it is longer than {@link #KEY_BYTES_MAX} or not well-formed Unicode, so
     *     that two keys never share their bytes
     */
    static byte[] bytesOf(String key) {
        try {
            ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(key));
            if (encoded.remaining() > KEY_BYTES_MAX) {
                throw new StoreException(INVALID_REQUEST, "catalog key " + Text.shown(key) + " has " + encoded.remaining()
                        + " bytes, at most " + KEY_BYTES_MAX);
            }
            byte[] bytes = new byte[encoded.remaining()];
            encoded.get(bytes);
            return bytes;
        } catch (CharacterCodingException e) {
            throw new StoreException(
                    INVALID_REQUEST, "catalog key " + Text.shown(key) + " is not well-formed Unicode", e);
        }
    }
}
