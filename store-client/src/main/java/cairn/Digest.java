package cairn;

import static java.nio.ByteOrder.BIG_ENDIAN;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * A SHA-256 digest as a value: 256 bits in four big-endian words.
 *
 * @see <a href="https://csrc.nist.gov/pubs/fips/180-4/upd1/final">FIPS 180-4</a>
 */
public record Digest(long w0, long w1, long w2, long w3) implements Comparable<Digest> {
    public static final int SIZE_BYTES = 32;
    /** 32 zero bytes, which no known input has as its digest; stands for what is absent. */
    public static final Digest ZERO = new Digest(0, 0, 0, 0);

    private static final VarHandle WORD = MethodHandles.byteArrayViewVarHandle(long[].class, BIG_ENDIAN);
    private static final ThreadLocal<MessageDigest> SHA_256 = ThreadLocal.withInitial(Digest::sha256);

    /** The digest of some bytes. */
    public static Digest of(byte[] bytes, int offset, int lengthBytes) {
        MessageDigest sha = SHA_256.get();
        sha.update(bytes, offset, lengthBytes);
        return read(sha.digest(), 0);
    }

    public static Digest of(byte[] bytes) {
        return of(bytes, 0, bytes.length);
    }

    /** A fresh SHA-256, for what comes in pieces. */
    public static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** Reads 32 bytes at {@code offset}. */
    public static Digest read(byte[] from, int offset) {
        return new Digest(
                (long) WORD.get(from, offset),
                (long) WORD.get(from, offset + 8),
                (long) WORD.get(from, offset + 16),
                (long) WORD.get(from, offset + 24));
    }

    /** Writes 32 bytes at {@code offset}. */
    public void write(byte[] to, int offset) {
        WORD.set(to, offset, w0);
        WORD.set(to, offset + 8, w1);
        WORD.set(to, offset + 16, w2);
        WORD.set(to, offset + 24, w3);
    }

    public byte[] toBytes() {
        byte[] bytes = new byte[SIZE_BYTES];
        write(bytes, 0);
        return bytes;
    }

    public boolean isZero() {
        return (w0 | w1 | w2 | w3) == 0;
    }

    /** Reads 64 lower-case hexadecimal digits. @throws StoreException INVALID_REQUEST for anything else */
    public static Digest parse(String hex) {
        if (hex.length() != 2 * SIZE_BYTES || !hex.chars().allMatch(c -> c >= '0' && c <= '9' || c >= 'a' && c <= 'f')) {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    "a digest is 64 lower-case hexadecimal digits, not \"" + Text.shown(hex) + '"');
        }
        return new Digest(
                Long.parseUnsignedLong(hex, 0, 16, 16),
                Long.parseUnsignedLong(hex, 16, 32, 16),
                Long.parseUnsignedLong(hex, 32, 48, 16),
                Long.parseUnsignedLong(hex, 48, 64, 16));
    }

    /** In the order of the bytes, which is the order in which stores keep them. */
    @Override
    public int compareTo(Digest other) {
        int order = Long.compareUnsigned(w0, other.w0);
        order = order != 0 ? order : Long.compareUnsigned(w1, other.w1);
        order = order != 0 ? order : Long.compareUnsigned(w2, other.w2);
        return order != 0 ? order : Long.compareUnsigned(w3, other.w3);
    }

    /** One word will do: the bits of a digest are as good as random. */
    @Override
    public int hashCode() {
        return Long.hashCode(w0);
    }

    /** 64 lower-case hexadecimal digits. */
    @Override
    public String toString() {
        return Text.hex(toBytes());
    }
}
