package cairn.server;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.StoreKey;
import cairn.qemu.QemuHost;
import cairn.server.account.AccessKey;
import cairn.server.account.AccountSettingsRegistry;
import cairn.server.account.Accounts;
import cairn.server.account.ClientTokens;
import cairn.server.account.Encryption;
import cairn.server.account.RetentionRules;
import cairn.server.account.SignedTokens;
import cairn.server.account.Tickets;
import cairn.server.gc.Accounting;
import cairn.server.gc.Collector;
import cairn.server.gc.GcSchedule;
import cairn.server.gc.GcSettings;
import cairn.server.gc.Roots;
import cairn.server.image.AllSnapshots;
import cairn.server.image.BootProfileRegistry;
import cairn.server.image.FastRestores;
import cairn.server.image.ImageCopies;
import cairn.server.image.ImageRegistry;
import cairn.server.image.PendingSnapshots;
import cairn.server.image.SnapshotRegistry;
import cairn.server.image.VolumeRegistry;
import cairn.server.image.VolumeSnapshots;
import cairn.server.instance.InstanceRegistry;
import cairn.server.instance.Instances;
import cairn.server.instance.Launcher;
import cairn.server.instance.QemuLauncher;
import cairn.server.instance.RecordsLauncher;
import cairn.server.scrub.Fsck;
import cairn.server.scrub.Scrubber;
import cairn.server.scrub.Throttle;
import cairn.server.storage.ChunkStore;
import cairn.server.storage.DomainId;
import cairn.server.storage.rocks.RocksSettings;
import cairn.server.storage.rocks.RocksStorage;
import cairn.server.upload.BlockUploads;
import cairn.server.upload.Uploads;
import cairn.server.volume.Volumes;
import cairn.sigv4.CredentialsFile;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a server keeps and does, behind its doors: each part built from those above it. */
final class Store implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Store.class);

    final Clock clock;
    final RocksStorage storage;
    final Accounts accounts;
    final AccountSettingsRegistry accountSettings;
    final Encryption encryption;
    final RetentionRules retention;
    final ClientTokens clientTokens;
    final SignedTokens signedTokens;
    final Tickets tickets;
    final SnapshotRegistry completed;
    final ImageRegistry images;
    final ImageCopies copies;
    final ChunkStore chunks;
    final Uploads uploads;
    final BlockUploads blockUploads;
    final BootProfileRegistry bootProfiles;
    final Volumes openVolumes;
    final VolumeRegistry volumes;
    final VolumeSnapshots volumeSnapshots;
    final List<PendingSnapshots> pending;
    final AllSnapshots snapshots;
    final FastRestores fastRestores;
    final InstanceRegistry instanceRegistry;
    final Instances instances;
    final Roots roots;
    final GcSchedule gc;
    final Accounting accounting;
    final Sweeper sweeper;
    final StoreBackups backups;
    final Scrubber scrubber;

    private final Parts parts = new Parts();

    /** Opens it, and cleans up what an earlier one has left. */
    Store(ServerConfig config, Clock clock) throws IOException {
        this.clock = clock;
        storage = parts.closing(RocksStorage.open(
                config.dataFolder(), RocksSettings.DEFAULT.withSettledLevel(config.settledLevel())));
        try {
            Fsck.requireWhole(storage.notes());
            StoreSecrets secrets = StoreSecrets.readOrCreate(storage.catalog());
            accounts = new Accounts(storage.catalog(), clock);
            createRoot(config.dataFolder());
            accountSettings = new AccountSettingsRegistry(storage.catalog());
            encryption = new Encryption(accountSettings, config.isDataEncrypted());
            retention = new RetentionRules(storage.catalog(), clock);
            clientTokens = new ClientTokens(storage.catalog(), clock);
            signedTokens = new SignedTokens(secrets.ticketKey(), clock);
            tickets = new Tickets(secrets.ticketKey(), clock);

            completed = new SnapshotRegistry(storage.catalog(), accountSettings, retention, clock);
            images = new ImageRegistry(
                    storage.catalog(), completed, new StoreKey(secrets.signingKey()), clock, retention);
            copies = new ImageCopies(storage.catalog(), images, completed);
            chunks = new ChunkStore(storage.segments(), storage.index());
            parts.closing(this::keepUnfinished);
            uploads = new Uploads(storage.catalog(), chunks, clock);
            blockUploads = parts.closing(
                    new BlockUploads(storage.catalog(), chunks, storage.pendingBlocks(), completed, clock));

            bootProfiles = new BootProfileRegistry(storage.catalog());
            openVolumes = parts.closing(new Volumes(
                    chunks,
                    storage.volumeBlocks(),
                    config.chunkCacheBytes(),
                    config.pageCacheBytes(),
                    bootProfiles,
                    clock));
            volumes = new VolumeRegistry(
                    storage.catalog(), images, openVolumes, storage.volumeBlocks(), clock, retention);
            volumes.removeLeftovers();
            volumeSnapshots = parts.closing(
                    new VolumeSnapshots(storage.catalog(), images, completed, volumes, accounts::domain));
            volumeSnapshots.failLeftovers();
            pending = List.of(volumeSnapshots, blockUploads);
            snapshots = new AllSnapshots(completed, pending);
            fastRestores =
                    parts.closing(new FastRestores(completed, bootProfiles, openVolumes, config.chunkCacheBytes()));
            fastRestores.resume();

            instanceRegistry = new InstanceRegistry(storage.catalog(), clock);
            instances = parts.closing(instances(config));
            roots = new StoreRoots(storage.catalog(), storage.pendingBlocks(), chunks.openTrees());
            gc = parts.closing(gc(config.gc()));
            accounting = parts.closing(new Accounting(
                    storage,
                    chunks,
                    new StoreHolders(storage.catalog(), chunks.openTrees(), clock),
                    this::domains,
                    chunks.epochs()::floorOrdinal));
            sweeper = parts.closing(new Sweeper(List.of(
                    new Sweeper.Task("uploads that nobody goes on with", uploads::removeExpired),
                    new Sweeper.Task("images in the recycle bin", images::removeExpired),
                    new Sweeper.Task("snapshots in the recycle bin", completed::removeExpired),
                    new Sweeper.Task("volumes in the recycle bin", volumes::removeExpired),
                    new Sweeper.Task("instances that are long terminated", instances::removeForgotten),
                    new Sweeper.Task("client tokens", clientTokens::removeExpired))));
            scrubber = parts.closing(new Scrubber(new Scrubber.Parts(
                    storage.segments(),
                    storage.index(),
                    chunks,
                    storage.catalog(),
                    roots,
                    new StoreImageFacts(images),
                    storage.files(),
                    clock,
                    new Throttle(config.scrubbing().bytesPerSecond(), Scrubbing.CPU_PERCENT),
                    config.scrubbing().every())));
            backups = parts.closing(new StoreBackups(config.dataFolder(), storage, clock));
        } catch (IOException | RuntimeException | Error e) {
            parts.closeAfter(e);
            throw e;
        }
    }

    /** Makes the root account in a store that has none, and leaves its key where only this user can read it. */
    private void createRoot(Path dataFolder) throws IOException {
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

    private Instances instances(ServerConfig config) {
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
        return new Instances(
                storage.catalog(), instanceRegistry, images, volumes, accounts::root, launchers, ofNew);
    }

    private GcSchedule gc(GcSettings settings) {
        Collector collector = new Collector(
                storage,
                chunks,
                roots,
                new QuickChunks(images, completed, bootProfiles, chunks, storage.index()),
                settings.isSettling(),
                clock);
        return new GcSchedule(collector, settings);
    }

    private List<DomainId> domains() {
        List<DomainId> domains = new ArrayList<>(List.of(DomainId.PUBLIC));
        accounts.list(accounts.root()).forEach(each -> domains.add(each.domain()));
        return domains;
    }

    private static long hostMemoryBytes() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
    }

    /**
     * What unfinished uploads have sent is kept for when they are tried again; if it can not be, they send it again.
     */
    private void keepUnfinished() {
        try {
            chunks.seal();
        } catch (StoreException e) {
            log.warn("what unfinished uploads have sent last is not kept: {}", e.getMessage());
        }
    }

    /** Finishes what is in progress. @throws StoreException INTERNAL if a part does not close */
    @Override
    public void close() {
        parts.close();
    }
}
