package cairn.server;

import cairn.api.Messages.ExportUri;
import cairn.Fault;
import cairn.image.StoreKey;
import cairn.qemu.QemuHost;
import cairn.server.account.AccessKey;
import cairn.server.account.Accounts;
import cairn.server.account.AccountSettingsRegistry;
import cairn.server.account.ClientTokens;
import cairn.server.account.Encryption;
import cairn.server.account.Regions;
import cairn.server.account.RetentionRules;
import cairn.server.account.SignedTokens;
import cairn.server.account.Tickets;
import cairn.server.api.AccountApi;
import cairn.server.api.ApiDoor;
import cairn.server.api.BootProfileApi;
import cairn.server.api.DiskApi;
import cairn.server.api.ImageApi;
import cairn.server.api.SnapshotApi;
import cairn.server.api.StoreInfoApi;
import cairn.server.api.UploadApi;
import cairn.server.api.VolumeApi;
import cairn.server.ebs.EbsDoor;
import cairn.server.ec2.InstanceOperations;
import cairn.server.ec2.Pages;
import cairn.server.http.HttpLimits;
import cairn.server.http.HttpServer;
import cairn.server.image.AllSnapshots;
import cairn.server.image.BootProfileRegistry;
import cairn.server.image.FastRestores;
import cairn.server.image.ImageCopies;
import cairn.server.image.ImageRegistry;
import cairn.server.image.PendingSnapshots;
import cairn.server.image.SnapshotRegistry;
import cairn.server.image.TaggedSnapshots;
import cairn.server.image.VolumeRegistry;
import cairn.server.image.VolumeSnapshots;
import cairn.server.instance.InstanceRegistry;
import cairn.server.instance.Instances;
import cairn.server.instance.Launcher;
import cairn.server.instance.QemuLauncher;
import cairn.server.instance.RecordsLauncher;
import cairn.server.nbd.NbdLimits;
import cairn.server.nbd.NbdServer;
import cairn.server.rbin.RbinDoor;
import cairn.server.storage.Catalog;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.rocks.RocksStorage;
import cairn.server.storage.Storage;
import cairn.server.transport.Transport;
import cairn.server.upload.BlockUploads;
import cairn.server.upload.Uploads;
import cairn.server.volume.Volumes;
import cairn.sigv4.CredentialsFile;
import cairn.StoreException;
import com.sun.management.OperatingSystemMXBean;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ExecutorService;
import java.util.Deque;
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

    private final Deque<AutoCloseable> parts = new ArrayDeque<>();
    private final Path endpointFile;
    private final Volumes volumes;
    private final HttpServer httpServer;
    private final NbdServer nbdServer;
    private final Sweeper sweeper;
    private final Instances instances;
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
            server.closeAfter(e);
            throw e;
        }
    }

    private StoreServer(ServerConfig config, Clock clock) throws IOException {
        endpointFile = config.dataFolder().resolve("endpoint");
        Storage storage = closing(RocksStorage.open(config.dataFolder()));
        try {
            // What a server that was killed has left; nobody is to find this one there before it listens.
            Files.deleteIfExists(endpointFile);
            StoreSecrets secrets = StoreSecrets.readOrCreate(storage.catalog());
            Accounts accounts = new Accounts(storage.catalog(), clock);
            createRoot(accounts, config.dataFolder());
            AccountSettingsRegistry accountSettings = new AccountSettingsRegistry(storage.catalog());
            RetentionRules retention = new RetentionRules(storage.catalog(), clock);
            SnapshotRegistry completed =
                    new SnapshotRegistry(storage.catalog(), accountSettings, retention, clock);
            ImageRegistry images = new ImageRegistry(
                    storage.catalog(), completed, new StoreKey(secrets.signingKey()), clock, retention);
            ChunkStore chunks = new ChunkStore(storage.segments(), storage.index());
            closing(() -> keepUnfinished(chunks));
            Uploads uploads = new Uploads(storage.catalog(), chunks, clock);
            BlockUploads blockUploads = closing(
                    new BlockUploads(storage.catalog(), chunks, storage.pendingBlocks(), completed, clock));
            BootProfileRegistry bootProfiles = new BootProfileRegistry(storage.catalog());
            volumes = closing(new Volumes(
                    chunks,
                    storage.volumeBlocks(),
                    config.chunkCacheBytes(),
                    config.pageCacheBytes(),
                    bootProfiles,
                    clock));
            VolumeRegistry registry =
                    new VolumeRegistry(storage.catalog(), images, volumes, storage.volumeBlocks(), clock, retention);
            registry.removeLeftovers();
            VolumeSnapshots snapshots = closing(
                    new VolumeSnapshots(storage.catalog(), images, completed, registry, accounts::domain));
            snapshots.failLeftovers();
            FastRestores fastRestores =
                    closing(new FastRestores(completed, bootProfiles, volumes, config.chunkCacheBytes()));
            fastRestores.resume();
            Encryption encryption = new Encryption(accountSettings, config.isDataEncrypted());
            ClientTokens clientTokens = new ClientTokens(storage.catalog(), clock);
            InstanceRegistry instanceRegistry = new InstanceRegistry(storage.catalog(), clock);
            instances = closing(instances(config, storage.catalog(), instanceRegistry, images, registry, accounts));
            sweeper = closing(new Sweeper(List.of(
                    new Sweeper.Task("images in the recycle bin", images::removeExpired),
                    new Sweeper.Task("snapshots in the recycle bin", completed::removeExpired),
                    new Sweeper.Task("volumes in the recycle bin", registry::removeExpired),
                    new Sweeper.Task("instances that are long terminated", instances::removeForgotten),
                    new Sweeper.Task("client tokens", clientTokens::removeExpired))));
            StoreExports exports = new StoreExports(
                    images,
                    registry,
                    accounts,
                    volumes,
                    new Tickets(secrets.ticketKey(), clock),
                    clock,
                    threads("catalog", CATALOG_READERS),
                    threads("volume-opener", VOLUME_OPENERS));

            ImageCopies copies = new ImageCopies(storage.catalog(), images, completed);
            List<PendingSnapshots> pending = List.of(snapshots, blockUploads);
            ApiDoor api = new ApiDoor(
                    new StoreInfoApi(version(), images, completed, registry, storage),
                    new UploadApi(uploads, images, encryption),
                    new ImageApi(images, copies, accounts, config.regions(), encryption),
                    new BootProfileApi(images, bootProfiles),
                    new SnapshotApi(
                            images, completed, snapshots, pending, accounts, config.regions(), encryption),
                    new VolumeApi(registry, encryption),
                    new DiskApi(
                            images,
                            registry,
                            chunks,
                            (caller, id, host) -> exports.uri(caller, id, host, nbd, config.nbdSocket())),
                    new AccountApi(accounts));
            Regions regions = config.regions();
            SignedTokens tokens = new SignedTokens(secrets.ticketKey(), clock);
            Pages pages = new Pages(tokens, clock);
            InstanceOperations instanceOperations = new InstanceOperations(
                    instanceRegistry,
                    instances,
                    images,
                    registry,
                    clientTokens,
                    encryption,
                    pages,
                    (caller, volume, host) -> uris(exports.uri(caller, volume.value(), host, nbd, config.nbdSocket())));
            AllSnapshots allSnapshots = new AllSnapshots(completed, pending);
            Ec2Services ec2 = new Ec2Services(
                    storage.catalog(),
                    regions,
                    pages,
                    List.of(
                            images.tagged(),
                            new TaggedSnapshots(allSnapshots, completed.tagged(), pending),
                            registry.tagged(),
                            instanceRegistry.tagged()),
                    new SnapshotServices(
                            allSnapshots,
                            completed,
                            snapshots,
                            fastRestores,
                            images,
                            registry,
                            instanceRegistry,
                            accountSettings,
                            encryption,
                            clientTokens,
                            clock),
                    instanceOperations,
                    new ImageServices(
                            images,
                            snapshots,
                            registry,
                            copies,
                            completed,
                            allSnapshots,
                            instanceRegistry,
                            accountSettings,
                            encryption,
                            clientTokens,
                            clock));
            EbsDoor ebs = new EbsDoor(
                    blockUploads,
                    pending,
                    completed,
                    chunks,
                    clientTokens,
                    encryption,
                    tokens,
                    clock);
            Transport transport = Transport.best();
            httpServer = closing(new HttpServer(
                    List.of(api, ebs, new RbinDoor(retention, tokens), ec2.door()),
                    accounts,
                    regions,
                    Clock.systemUTC(),
                    HttpLimits.DEFAULT,
                    transport));
            nbdServer = closing(NbdServer.start(
                    exports, NbdLimits.DEFAULT, transport, Runtime.getRuntime().availableProcessors()));
        } catch (IOException | RuntimeException | Error e) {
            closeAfter(e);
            throw e;
        }
    }

    private static Instances instances(
            ServerConfig config,
            Catalog catalog,
            InstanceRegistry registry,
            ImageRegistry images,
            VolumeRegistry volumes,
            Accounts accounts) {
        Launching launching = config.launching();
        if (launching.isQemu() && config.nbdSocket().isEmpty()) {
            throw new StoreException(Fault.INVALID_REQUEST, "machines in QEMU need the server's unix socket");
        }
        List<Launcher> launchers = new ArrayList<>(List.of(new RecordsLauncher()));
        config.nbdSocket().ifPresent(socket -> launchers.add(new QemuLauncher(new QemuLauncher.Settings(
                config.dataFolder().resolve("instances"),
                QemuHost.of(Optional.ofNullable(System.getenv("PATH")).orElse("")),
                socket,
                launching.kernel(),
                launching.machinesMax(),
                hostMemoryBytes(),
                launching.patience()))));
        Launcher ofNew = launchers.get(launching.isQemu() ? 1 : 0);
        return new Instances(catalog, registry, images, volumes, accounts::root, launchers, ofNew);
    }

    private static long hostMemoryBytes() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
    }

    private static InstanceOperations.Uris uris(ExportUri export) {
        return new InstanceOperations.Uris(export.uri(), Optional.ofNullable(export.socketUri()));
    }

    private <T extends AutoCloseable> T closing(T part) {
        parts.push(part);
        return part;
    }

    private ExecutorService threads(String name, int count) {
        ExecutorService threads = Executors.newFixedThreadPool(count, new DefaultThreadFactory(name, true));
        closing(threads::shutdown);
        return threads;
    }

    /** Makes the root account in a store that has none, and leaves its key where only this user can read it. */
    private static void createRoot(Accounts accounts, Path dataFolder) throws IOException {
        Path file = dataFolder.resolve("credentials");
        try {
            accounts.createRoot(key -> keep(key, file));
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    /** Replaces what a first start that failed has left: without an account it opens nothing. */
    private static void keep(AccessKey key, Path file) {
        try {
            Files.deleteIfExists(file);
            CredentialsFile.create(file, CredentialsFile.DEFAULT_PROFILE, key.credentials());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void listen(ServerConfig config) throws IOException {
        nbd = listen(nbdServer::listen, new InetSocketAddress(config.listen(), config.nbdPort()), "--nbd-port");
        if (config.nbdSocket().isPresent()) {
            nbdServer.listen(config.nbdSocket().get());
        }
        // Machines find their disks from here on.
        instances.recover();
        http = listen(httpServer::listen, new InetSocketAddress(config.listen(), config.httpPort()), "--http-port");
        Path written = endpointFile.resolveSibling("endpoint.new");
        Files.writeString(written, readyLine() + "\n");
        Files.move(written, endpointFile, StandardCopyOption.ATOMIC_MOVE);
        sweeper.start();
    }

    /** What unfinished uploads have sent is kept for when they are tried again; if it can not be, they send it again. */
    private static void keepUnfinished(ChunkStore chunks) {
        try {
            chunks.seal();
        } catch (StoreException e) {
            log.warn("what unfinished uploads have sent last is not kept: {}", e.getMessage());
        }
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
                        Fault.INVALID_REQUEST, address.getAddress().getHostAddress() + " is no address of this machine", e);
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
        sweeper.sweep();
    }

    /** How many chunks were read from the store for volumes. */
    public long chunkLoads() {
        return volumes.chunkLoads();
    }

    static String version() {
        return Optional.ofNullable(StoreServer.class.getPackage().getImplementationVersion()).orElse("development");
    }

    /** Closes after a failure, which is the one to be told. */
    private void closeAfter(Throwable failure) {
        try {
            close();
        } catch (StoreException e) {
            failure.addSuppressed(e);
        }
    }

    /**
     * Stops listening, finishes what is in progress, and closes the store.
     *
     * @throws StoreException INTERNAL if a part does not close; all others are closed all the same
     */
    @Override
    public void close() {
        if (http != null) {
            endpointFile.toFile().delete();
        }
        StoreException failure = null;
        while (!parts.isEmpty()) {
            try {
                parts.pop().close();
            } catch (Exception e) {
                if (failure == null) {
                    failure = new StoreException(Fault.INTERNAL, "closing failed: " + e.getMessage(), e);
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }
}
