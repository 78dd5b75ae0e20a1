package cairn.server.nbd;

import java.time.Duration;

/**
 * What peers may make the NBD door do and hold.
 *
 * <p>Bytes of replies count from when a read begins until they are in the socket; bytes of payloads from before they
 * are read from the socket until they are written. Each connection has {@code ownBytes} to itself, so that what a
 * machine usually reads or writes never waits for other connections; what goes beyond comes out of
 * {@code sharedBytesMax}, first come, first served. All connections together thus hold no more than
 * {@link #heldBytesMax}, and for each the one buffer into which its socket is read.
 *
 * @param connectionsMax connections at a time; further ones are closed at once
 * @param handshakeTimeout from connecting until an export is chosen
 * @param optionBytesMax payload of one option of the handshake; a larger one is skipped and answered as too big
 * @param optionSkipBytesMax payload that is still skipped; for a larger one the connection is closed
 * @param listedExportsMax exports that are listed; if there are more, listing is refused
 * @param requestsMax requests in flight on one connection
 * @param requestBytesMax bytes in one read or write, as advertised to clients
 * @param ownBytes bytes in flight that each connection has to itself
 * @param connectionBytesMax bytes in flight on one connection
 * @param sharedBytesMax bytes in flight on all connections, their own ones not counted
 * @param stallTimeout how long a connection may hold shared bytes, and neither read nor send any, while others wait for
 *     them
 * @param statusExtentsMax extents in one reply to BLOCK_STATUS
 * @param drainTimeout how long what is in flight may take to finish when the server closes
 */
public record NbdLimits(
        int connectionsMax,
        Duration handshakeTimeout,
        int optionBytesMax,
        int optionSkipBytesMax,
        int listedExportsMax,
        int requestsMax,
        int requestBytesMax,
        long ownBytes,
        long connectionBytesMax,
        long sharedBytesMax,
        Duration stallTimeout,
        int statusExtentsMax,
        Duration drainTimeout) {
    private static final int KIB = 1 << 10;
    private static final int MIB = 1 << 20;

    /** The protocol's own bound for strings. */
    static final int STRING_BYTES_MAX = 4096;

    public static final NbdLimits DEFAULT = new NbdLimits(
            4096,
            Duration.ofSeconds(30),
            64 * KIB,
            16 * MIB,
            10_000,
            128,
            32 * MIB,
            256 * KIB,
            64 * MIB,
            512 * MIB,
            Duration.ofSeconds(60),
            4096,
            Duration.ofSeconds(5));

    public NbdLimits {
        requireAtLeast(1, connectionsMax, "connectionsMax");
        requireAtLeast(2 * STRING_BYTES_MAX, optionBytesMax, "optionBytesMax");
        requireAtLeast(optionBytesMax, optionSkipBytesMax, "optionSkipBytesMax");
        requireAtLeast(0, listedExportsMax, "listedExportsMax");
        requireAtLeast(1, requestsMax, "requestsMax");
        // The protocol wants unfragmented reads of 64 KiB to work; and a piece of a write needs room.
        requireAtLeast(64 * KIB, requestBytesMax, "requestBytesMax");
        requireAtLeast(0, ownBytes, "ownBytes");
        // Otherwise the largest read would wait for ever.
        requireAtLeast(requestBytesMax, connectionBytesMax, "connectionBytesMax");
        requireAtLeast(connectionBytesMax, sharedBytesMax, "sharedBytesMax");
        requireAtLeast(1, statusExtentsMax, "statusExtentsMax");
    }

    public NbdLimits withConnectionsMax(int connections) {
        return new NbdLimits(connections, handshakeTimeout, optionBytesMax, optionSkipBytesMax, listedExportsMax,
                requestsMax, requestBytesMax, ownBytes, connectionBytesMax, sharedBytesMax, stallTimeout,
                statusExtentsMax, drainTimeout);
    }

    /** Most bytes that all connections together hold, the buffers not counted into which their sockets are read. */
    public long heldBytesMax() {
        return connectionsMax * ownBytes + sharedBytesMax;
    }

    private static void requireAtLeast(long least, long actual, String name) {
        if (actual < least) {
            throw new IllegalArgumentException(name + " is " + actual + ", and must be at least " + least);
        }
    }
}
