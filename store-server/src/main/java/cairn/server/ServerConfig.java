package cairn.server;

import cairn.server.account.Regions;
import cairn.server.gc.GcSettings;
import cairn.server.storage.rocks.RocksSettings;
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
 * @param gc how garbage is collected
 * @param settledLevel zstd's, for what is packed as small as may be
 * @param scrubbing by itself, and how fast
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
        long pageCacheBytes,
        GcSettings gc,
        int settledLevel,
        Scrubbing scrubbing) {
    public static final int DEFAULT_HTTP_PORT = 7070;
    /** NBD's own. */
    public static final int DEFAULT_NBD_PORT = 10809;
    public static final long DEFAULT_CHUNK_CACHE_BYTES = 256L << 20;
    public static final long DEFAULT_PAGE_CACHE_BYTES = 64L << 20;
    public static final int DEFAULT_SETTLED_LEVEL = RocksSettings.DEFAULT.settledLevel();

    /** With garbage collected, and everything proven, as it usually is. */
    public ServerConfig(
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
        this(
                dataFolder,
                listen,
                httpPort,
                nbdPort,
                nbdSocket,
                regions,
                launching,
                isDataEncrypted,
                chunkCacheBytes,
                pageCacheBytes,
                GcSettings.DEFAULT,
                DEFAULT_SETTLED_LEVEL,
                Scrubbing.DEFAULT);
    }
}
