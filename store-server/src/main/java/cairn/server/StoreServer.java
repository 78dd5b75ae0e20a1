package cairn.server;

import cairn.api.Messages.ExportUri;
import cairn.Fault;
import cairn.server.api.AccountApi;
import cairn.server.api.ApiDoor;
import cairn.server.api.BackupApi;
import cairn.server.api.BootProfileApi;
import cairn.server.api.DiskApi;
import cairn.server.api.ExplainApi;
import cairn.server.api.GcApi;
import cairn.server.api.ImageApi;
import cairn.server.api.ScrubApi;
import cairn.server.api.SnapshotApi;
import cairn.server.api.StoreInfoApi;
import cairn.server.api.UploadApi;
import cairn.server.api.VolumeApi;
import cairn.server.ebs.EbsDoor;
import cairn.server.ec2.InstanceOperations;
import cairn.server.ec2.Pages;
import cairn.server.http.HttpDoor;
import cairn.server.http.HttpLimits;
import cairn.server.http.HttpServer;
import cairn.server.nbd.NbdLimits;
import cairn.server.nbd.NbdServer;
import cairn.server.rbin.RbinDoor;
import cairn.server.transport.Transport;
import cairn.StoreException;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.util.concurrent.Executors;
import java.util.concurrent.ExecutorService;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A whole server: builds every part from its configuration, and closes them in reverse. */
public final class StoreServer implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(StoreServer.class);
    private static final int CATALOG_READERS = 2;
    /** Opening a volume that was written to all over takes seconds. */
    private static final int VOLUME_OPENERS = 32;

    private final Parts parts = new Parts();
    private final Path endpointFile;
    private final Store store;
    private final HttpServer httpServer;
    private final NbdServer nbdServer;
    private InetSocketAddress http;
    private InetSocketAddress nbd;

    /**
     * Opens the store and listens.
     *
     * @throws StoreException CONFLICT if the data folder is another server's, or of an unknown version
     */
    public static StoreServer start(ServerConfig config) throws IOException {
        return start(config, Clock.systemUTC());
    }

    /** @param clock of the store; whether a request was signed just now is told by the machine's */
    static StoreServer start(ServerConfig config, Clock clock) throws IOException {
        StoreServer server = new StoreServer(config, clock);
        try {
            server.listen(config);
            return server;
        } catch (IOException | RuntimeException | Error e) {
            server.clearEndpoint();
            server.parts.closeAfter(e);
            throw e;
        }
    }

    private StoreServer(ServerConfig config, Clock clock) throws IOException {
        endpointFile = config.dataFolder().resolve("endpoint");
        store = parts.closing(new Store(config, clock));
        try {
            // What a server that was killed has left; nobody is to find this one there before it listens.
            Files.deleteIfExists(endpointFile);
            StoreExports exports = new StoreExports(
                    store.images,
                    store.volumes,
                    store.accounts,
                    store.openVolumes,
                    store.tickets,
                    clock,
                    threads("catalog", CATALOG_READERS),
                    threads("volume-opener", VOLUME_OPENERS));
            Transport transport = Transport.best();
            httpServer = parts.closing(new HttpServer(
                    doors(config, exports),
                    store.accounts,
                    config.regions(),
                    Clock.systemUTC(),
                    HttpLimits.DEFAULT,
                    transport));
            nbdServer = parts.closing(NbdServer.start(
                    exports, NbdLimits.DEFAULT, transport, Runtime.getRuntime().availableProcessors()));
        } catch (IOException | RuntimeException | Error e) {
            parts.closeAfter(e);
            throw e;
        }
    }

    /** Every protocol over HTTP. */
    private List<HttpDoor> doors(ServerConfig config, StoreExports exports) {
        DiskApi.ExportUris uris = (caller, id, host) -> exports.uri(caller, id, host, nbd, config.nbdSocket());
        return List.of(
                api(config, uris),
                new EbsDoor(
                        store.blockUploads,
                        store.pending,
                        store.completed,
                        store.chunks,
                        store.clientTokens,
                        store.encryption,
                        store.signedTokens,
                        store.clock),
                new RbinDoor(store.retention, store.signedTokens),
                new Ec2Groups(
                                store,
                                config.regions(),
                                new Pages(store.signedTokens, store.clock),
                                (caller, volume, host) -> uris(uris.of(caller, volume.value(), host)))
                        .door());
    }

    private ApiDoor api(ServerConfig config, DiskApi.ExportUris uris) {
        ScrubApi scrubs = new ScrubApi(store.scrubber);
        return new ApiDoor(
                new StoreInfoApi(
                        version(),
                        store.images,
                        store.completed,
                        store.volumes,
                        store.storage,
                        store.openVolumes::chunkLoads,
                        scrubs),
                new UploadApi(store.uploads, store.images, store.encryption),
                new ImageApi(store.images, store.copies, store.accounts, config.regions(), store.encryption),
                new BootProfileApi(store.images, store.bootProfiles),
                new SnapshotApi(
                        store.images,
                        store.completed,
                        store.volumeSnapshots,
                        store.pending,
                        store.accounts,
                        config.regions(),
                        store.encryption),
                new VolumeApi(store.volumes, store.encryption),
                new DiskApi(store.images, store.volumes, store.chunks, uris),
                new AccountApi(store.accounts),
                new BackupApi(store.backups),
                new GcApi(store.gc, store.uploads),
                new ExplainApi(store.accounting, store.accounts),
                scrubs);
    }

    private static InstanceOperations.Uris uris(ExportUri export) {
        return new InstanceOperations.Uris(export.uri(), Optional.ofNullable(export.socketUri()));
    }

    private ExecutorService threads(String name, int count) {
        ExecutorService threads = Executors.newFixedThreadPool(count, new DefaultThreadFactory(name, true));
        parts.closing(threads::shutdown);
        return threads;
    }

    private void listen(ServerConfig config) throws IOException {
        nbd = listen(nbdServer::listen, new InetSocketAddress(config.listen(), config.nbdPort()), "--nbd-port");
        if (config.nbdSocket().isPresent()) {
            nbdServer.listen(config.nbdSocket().get());
        }
        // Machines find their disks from here on.
        store.instances.recover();
        http = listen(httpServer::listen, new InetSocketAddress(config.listen(), config.httpPort()), "--http-port");
        Path written = endpointFile.resolveSibling("endpoint.new");
        Files.writeString(written, readyLine() + "\n");
        Files.move(written, endpointFile, StandardCopyOption.ATOMIC_MOVE);
        store.sweeper.start();
        store.gc.start();
        store.scrubber.start();
    }

    private interface Listener {
        InetSocketAddress listen(InetSocketAddress address) throws IOException;
    }

    private static InetSocketAddress listen(Listener listener, InetSocketAddress address, String option)
            throws IOException {
        try {
            return listener.listen(address);
        } catch (IOException e) {
            String where = StoreExports.hostAndPort(address);
            if (String.valueOf(e.getMessage()).contains("Address already in use")) {
                throw new StoreException(
                        Fault.CONFLICT, where + " is taken; choose another port with " + option + " (0 picks one)", e);
            }
            if (String.valueOf(e.getMessage()).contains("annot assign requested address")) {
                throw new StoreException(
                        Fault.INVALID_REQUEST,
                        address.getAddress().getHostAddress() + " is no address of this machine", e);
            }
            throw e;
        }
    }

    /** Where this server is found, on one line. */
    public String readyLine() {
        return "ready http=http://" + StoreExports.hostAndPort(http) + " nbd=" + StoreExports.tcpUri(nbd);
    }

    public InetSocketAddress httpAddress() {
        return http;
    }

    public InetSocketAddress nbdAddress() {
        return nbd;
    }

    /** Does at once what is due by the clock, and is done every minute. */
    public void sweep() {
        store.sweeper.sweep();
    }

    /** How many chunks were read from the store for volumes. */
    public long chunkLoads() {
        return store.openVolumes.chunkLoads();
    }

    static String version() {
        return Optional.ofNullable(StoreServer.class.getPackage().getImplementationVersion()).orElse("development");
    }

    /**
     * Stops listening, finishes what is in progress, and closes the store.
     *
     * @throws StoreException INTERNAL if a part does not close; all others are closed all the same
     */
    @Override
    public void close() {
        clearEndpoint();
        parts.close();
    }

    private void clearEndpoint() {
        if (http != null) {
            endpointFile.toFile().delete();
        }
    }
}
