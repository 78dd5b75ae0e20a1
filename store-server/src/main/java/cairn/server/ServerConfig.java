package cairn.server;

import cairn.server.account.Regions;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What the server is told when it starts.
 *
 * @param dataFolder where everything is kept; made if it is not there
 * @param httpPort 0 picks a free one
 * @param nbdPort 0 picks a free one
 * @param nbdSocket empty: no unix socket
 * @param regions that are offered
 * @param launching of instances
 * @param isDataEncrypted the operator's word that the data folder lies on encrypted storage
 * @param chunkCacheBytes direct memory for unpacked chunks
 * @param pageCacheBytes heap for pages
 */
public record ServerConfig(
        Path dataFolder,
        InetAddress listen,
        int httpPort,
        int nbdPort,
        Optional<Path> nbdSocket,
        Regions regions,
        Launching launching,
        boolean isDataEncrypted,
        long chunkCacheBytes,
        long pageCacheBytes) {
    public static final int DEFAULT_HTTP_PORT = 7070;
    /** NBD's own. */
    public static final int DEFAULT_NBD_PORT = 10809;
    public static final long DEFAULT_CHUNK_CACHE_BYTES = 256L << 20;
    public static final long DEFAULT_PAGE_CACHE_BYTES = 64L << 20;
}
