package cairn.server.gc;

import cairn.server.storage.OrdinalSet;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Optional;

/**
 * What one cycle leaves to the next, also to that of a server that is started later. Numbers are big-endian; a set of
 * ordinals is as {@link OrdinalSet#write} writes it.
 * <pre>
 *   offset  size  field
 *        0     4  version, 1
 *        4     8  token: what the catalog's record says, or this is of another time
 *       12     8  floor
 *       20     8  fingerprint of the roots
 *       28     8  segment that was open
 *       36     1  bit 0: nothing is left to be done before the next cycle; bit 1: extents are still to be rewritten
 *       37     8  bound of what is dead
 *       45        live set
 *                 set of what is kept
 * </pre>
 *
 * @param token drawn for each cycle
 * @param floorOrdinal what is at it or above was too young to be condemned
 * @param live all others were condemned; not changed any more
 * @param rootsFingerprint changes, in all likelihood, with the roots
 * @param openSegment changes with what is written
 * @param isSpent no cycle that finds the same roots and the same open segment has anything to do
 * @param isRewriting whether extents are still to be rewritten
 * @param dead what no index row names any more
 */
record GcState(
        long token,
        long floorOrdinal,
        OrdinalSet live,
        long rootsFingerprint,
        long openSegment,
        boolean isSpent,
        boolean isRewriting,
        Dead dead) {
    private static final int VERSION = 1;
    private static final int SPENT = 1;
    private static final int REWRITING = 2;

    boolean isCondemned(long ordinal) {
        return ordinal < floorOrdinal && !live.contains(ordinal);
    }

    /** @param isDone whether nothing has to be tried again */
    GcState rewritten(boolean isDone) {
        return new GcState(
                token, floorOrdinal, live, rootsFingerprint, openSegment, isSpent && isDone, false, dead);
    }

    byte[] encode() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeInt(VERSION);
            out.writeLong(token);
            out.writeLong(floorOrdinal);
            out.writeLong(rootsFingerprint);
            out.writeLong(openSegment);
            out.writeByte((isSpent ? SPENT : 0) | (isRewriting ? REWRITING : 0));
            out.writeLong(dead.untilOrdinal());
            live.copy().write(out);
            dead.kept().copy().write(out);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    /** Nothing if another version wrote it. @param bytes that {@link #encode} made, perhaps of another version */
    static Optional<GcState> decode(byte[] bytes) {
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
            if (in.readInt() != VERSION) {
                return Optional.empty();
            }
            long token = in.readLong();
            long floor = in.readLong();
            long fingerprint = in.readLong();
            long openSegment = in.readLong();
            int flags = in.readByte();
            long until = in.readLong();
            OrdinalSet live = OrdinalSet.read(in);
            return Optional.of(new GcState(
                    token,
                    floor,
                    live,
                    fingerprint,
                    openSegment,
                    (flags & SPENT) != 0,
                    (flags & REWRITING) != 0,
                    new Dead(until, OrdinalSet.read(in))));
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
