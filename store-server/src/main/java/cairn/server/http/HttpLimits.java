package cairn.server.http;

import java.time.Duration;

/**
 * What a peer may make the HTTP doors do or hold.
 *
 * @param connectionsMax open at once
 * @param headBytesMax of a request's first line, and of all its headers
 * @param heldBytesMax bodies and replies of all connections together
 * @param unprovenBytesMax bodies of all connections together that must have come before anybody knows who sends them
 * @param discardedBytesMax of the body of a request that is refused; after that the connection is closed
 * @param idleTimeout without a byte coming or going
 * @param transferTimeout for a whole head or a whole body to come, or a whole reply to go
 * @param unprovenTimeout for a whole body to come before anybody knows who sends it
 */
public record HttpLimits(
        int connectionsMax,
        int headBytesMax,
        long heldBytesMax,
        long unprovenBytesMax,
        long discardedBytesMax,
        Duration idleTimeout,
        Duration transferTimeout,
        Duration unprovenTimeout) {
    public static final HttpLimits DEFAULT = new HttpLimits(
            4096,
            32 << 10,
            256L << 20,
            32L << 20,
            64L << 20,
            Duration.ofSeconds(60),
            Duration.ofMinutes(5),
            Duration.ofSeconds(30));
}
