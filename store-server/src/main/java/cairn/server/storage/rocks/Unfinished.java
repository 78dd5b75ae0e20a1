package cairn.server.storage.rocks;

import static java.nio.charset.StandardCharsets.US_ASCII;

import cairn.Fault;
import cairn.StoreException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * A rewriting that has begun to change the database, as it is noted there before each such step: what a crash leaves is
 * undone or finished by it.
 * <pre>
 *   offset  size  field
 *        0     1  phase
 *        1     8  first ordinal
 *        9     8  last ordinal
 * </pre>
 */
record Unfinished(Phase phase, Ordinals ordinals) {
    static final byte[] KEY = "rewriting".getBytes(US_ASCII);

    private static final int BYTES = 1 + 8 + 8;
    private static final List<Family> WRITTEN = List.of(Family.CHUNKS);
    private static final List<Family> REWRITTEN = List.of(Family.QUICK, Family.SETTLED);

    /** What is being done, and where copies of the items lie meanwhile that do not count. */
    enum Phase {
        /** Items are being added to where rewritten ones lie. */
        ADDING_REWRITTEN(1, REWRITTEN),
        /** They are there, and are being removed from where they were written. */
        REMOVING_WRITTEN(2, WRITTEN),
        /** Items are being added back to where written ones lie. */
        ADDING_WRITTEN(3, WRITTEN),
        /** They are there, and are being removed from where rewritten ones lie. */
        REMOVING_REWRITTEN(4, REWRITTEN),
        /** Dead items have been removed, and RocksDB is to give back their space. */
        COMPACTING(5, List.of());

        private final int code;
        private final List<Family> surplus;

        Phase(int code, List<Family> surplus) {
            this.code = code;
            this.surplus = surplus;
        }

        /** Where what lies in the run is removed again, or removed at last. */
        List<Family> surplus() {
            return surplus;
        }
    }

    /** Whether a file is full of copies that do not count. */
    boolean isSurplus(ItemFile file) {
        return phase.surplus.contains(file.family()) && ordinals.contains(file.ordinals());
    }

    byte[] encode() {
        return ByteBuffer.allocate(BYTES)
                .put((byte) phase.code)
                .putLong(ordinals.first())
                .putLong(ordinals.last())
                .array();
    }

    static Unfinished decode(byte[] bytes) {
        if (bytes.length == BYTES) {
            ByteBuffer fields = ByteBuffer.wrap(bytes);
            int code = fields.get();
            for (Phase phase : Phase.values()) {
                if (phase.code == code) {
                    return new Unfinished(phase, new Ordinals(fields.getLong(), fields.getLong()));
                }
            }
        }
        throw new StoreException(Fault.CORRUPT, "the note of an unfinished rewriting is damaged");
    }
}
