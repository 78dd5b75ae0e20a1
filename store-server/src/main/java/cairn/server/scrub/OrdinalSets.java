package cairn.server.scrub;

import static cairn.Fault.CORRUPT;

import cairn.StoreException;
import cairn.server.storage.OrdinalSet;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;

/** Sets of ordinals as members of records: of a set that is too large, the lower part. */
final class OrdinalSets {
    /** In a record of at most 1 MiB, Base64 and other members have to fit too. */
    private static final int BYTES_MAX = 400 << 10;
    /** So many fit, however they lie. */
    private static final int ORDINALS_MAX = 20_000;

    private OrdinalSets() {}

    static byte[] encode(OrdinalSet ordinals) {
        byte[] bytes = bytes(ordinals);
        return bytes.length <= BYTES_MAX ? bytes : bytes(lowest(ordinals));
    }

    private static OrdinalSet lowest(OrdinalSet ordinals) {
        OrdinalSet lowest = new OrdinalSet();
        long[] left = {ORDINALS_MAX};
        ordinals.forEach(ordinal -> {
            if (left[0]-- > 0) {
                lowest.add(ordinal);
            }
        });
        return lowest;
    }

    private static byte[] bytes(OrdinalSet ordinals) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            ordinals.write(new DataOutputStream(bytes));
        } catch (IOException e) {
            throw new IllegalStateException("writing to memory", e);
        }
        return bytes.toByteArray();
    }

    /** @throws StoreException CORRUPT if it is none */
    static OrdinalSet decode(byte[] bytes) {
        try {
            return OrdinalSet.read(new DataInputStream(new ByteArrayInputStream(bytes)));
        } catch (IOException | RuntimeException e) {
            throw new StoreException(CORRUPT, "a recorded set of ordinals cannot be read", e);
        }
    }
}
