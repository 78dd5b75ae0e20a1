package cairn.server;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.NOT_FOUND;
import static cairn.Fault.SHUTTING_DOWN;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.api.BackupMessages.Backup;
import cairn.server.api.BackupApi;
import cairn.server.storage.BackedUp;
import cairn.server.storage.Storage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes backups of a data folder while it is served, one at a time.
 *
 * <p>A backup grows beside the place that it is meant for, under a name that begins with a dot and ends in something
 * random, and is renamed when all of it is synced. What a crash leaves under such a name can not be opened, having no
 * {@code VERSION}, unless it is whole. It is nobody's: whoever finds it removes it.
 */
final class StoreBackups implements BackupApi.Backups, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(StoreBackups.class);
    private static final int CLOSE_SECONDS = 60;
    /** What a data folder has beside its storage that is worth keeping, as far as it is there. */
    private static final String CREDENTIALS = "credentials";
    private static final String MACHINES = "instances";
    private static final String MACHINE_VARIABLES = "uefi-variables.fd";

    private final Path dataFolder;
    private final Storage storage;
    private final Clock clock;
    private final ExecutorService maker = Executors.newSingleThreadExecutor(task -> {
        Thread thread = new Thread(task, "backup");
        thread.setDaemon(true);
        return thread;
    });
    /** Null before the first. Guarded by {@code this}. */
    private Making last;

    StoreBackups(Path dataFolder, Storage storage, Clock clock) {
        this.dataFolder = dataFolder;
        this.storage = storage;
        this.clock = clock;
    }

    /** One backup. Guarded by the backups. */
    private static final class Making {
        private final String id = UUID.randomUUID().toString();
        private final Path folder;
        private final Instant startedAt;
        private final long startedNanos = System.nanoTime();
        private long endedNanos;
        private long doneBytes;
        private long bytes;
        private String state = Backup.RUNNING;
        private BackedUp backedUp = new BackedUp(0, 0, 0, 0);
        private Fault fault;
        private String failure;

        private Making(Path folder, Instant startedAt) {
            this.folder = folder;
            this.startedAt = startedAt;
        }

        private boolean isRunning() {
            return state.equals(Backup.RUNNING);
        }

        private Backup message() {
            long nanos = (isRunning() ? System.nanoTime() : endedNanos) - startedNanos;
            return new Backup(
                    id,
                    folder.toString(),
                    state,
                    startedAt.truncatedTo(ChronoUnit.MILLIS).toString(),
                    Duration.ofNanos(nanos).toMillis(),
                    doneBytes,
                    bytes,
                    backedUp.files(),
                    backedUp.linkedFiles(),
                    backedUp.linkedBytes(),
                    fault,
                    failure);
        }
    }

    /**
     * Begins one, and goes on in the background.
     *
     * @throws StoreException INVALID_REQUEST for a folder that is not named by an absolute path, has no parent, or is
     *     in the data folder; CONFLICT if it is there, or another backup is made
     */
    @Override
    public synchronized Backup start(String folder) {
        Path target = check(folder);
        if (last != null && last.isRunning()) {
            throw new StoreException(CONFLICT, "a backup to " + last.folder + " is being made; one at a time");
        }
        if (maker.isShutdown()) {
            throw new StoreException(SHUTTING_DOWN, "the server is ending");
        }
        Making making = new Making(target, clock.instant());
        last = making;
        maker.execute(() -> make(making));
        return making.message();
    }

    private Path check(String folder) {
        Path target = parse(folder);
        if (!target.isAbsolute()) {
            throw new StoreException(INVALID_REQUEST, "\"" + Text.shown(folder)
                    + "\" is no absolute path; the folder is made on the server's host, so begin it with a slash");
        }
        if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
            throw new StoreException(CONFLICT, target + " is there already; name a folder that is not");
        }
        try {
            Path parent = target.getParent();
            if (!Files.isDirectory(parent)) {
                throw new StoreException(INVALID_REQUEST, parent + " is no folder on the server's host; make it first");
            }
            Path real = parent.toRealPath().resolve(target.getFileName());
            if (real.startsWith(dataFolder.toRealPath())) {
                throw new StoreException(INVALID_REQUEST, target + " is in the data folder itself, " + dataFolder);
            }
            return real;
        } catch (IOException e) {
            throw new StoreException(INVALID_REQUEST, "can not use " + target + ": " + e.getMessage(), e);
        }
    }

    private static Path parse(String folder) {
        try {
            return Path.of(folder).normalize();
        } catch (InvalidPathException e) {
            throw new StoreException(INVALID_REQUEST, "\"" + Text.shown(folder) + "\" is no path", e);
        }
    }

    @Override
    public synchronized Backup read(String id) {
        return Optional.ofNullable(last)
                .filter(making -> making.id.equals(id))
                .map(Making::message)
                .orElseThrow(() -> new StoreException(
                        NOT_FOUND, "backup " + Text.shown(id) + " is not the last one of this server since its start"));
    }

    private void make(Making making) {
        try {
            BackedUp backedUp = makeFolder(making);
            log.info("backed up to {}: {} files, {} of them linked", making.folder, backedUp.files(), backedUp.linkedFiles());
            end(making, Backup.COMPLETED, backedUp, null, null);
        } catch (StoreException e) {
            log.warn("the backup to {} failed: {}", making.folder, e.getMessage());
            end(making, Backup.FAILED, making.backedUp, e.fault(), e.getMessage());
        } catch (IOException | RuntimeException e) {
            log.warn("the backup to {} failed", making.folder, e);
            end(making, Backup.FAILED, making.backedUp, faultOf(e), "cannot back up to " + making.folder + ": " + e);
        }
    }

    private static Fault faultOf(Exception e) {
        return String.valueOf(e.getMessage()).contains("No space left") ? Fault.NO_SPACE : Fault.INTERNAL;
    }

    private synchronized void end(Making making, String state, BackedUp backedUp, Fault fault, String failure) {
        making.endedNanos = System.nanoTime();
        making.state = state;
        making.backedUp = backedUp;
        making.fault = fault;
        making.failure = failure;
    }

    private BackedUp makeFolder(Making making) throws IOException {
        Path parent = making.folder.getParent();
        // For its owner alone from the first moment on: secrets are in it.
        Path growing = Files.createTempDirectory(parent, '.' + making.folder.getFileName().toString() + '-');
        try {
            keepSmallFiles(growing);
            BackedUp backedUp = storage.backup(growing, (doneBytes, bytes) -> progress(making, doneBytes, bytes));
            if (Files.exists(making.folder, LinkOption.NOFOLLOW_LINKS)) {
                throw new StoreException(CONFLICT, making.folder + " has been made by somebody else meanwhile");
            }
            Files.move(growing, making.folder, StandardCopyOption.ATOMIC_MOVE);
            sync(parent);
            return backedUp;
        } catch (IOException | RuntimeException | Error e) {
            removeAll(growing, e);
            throw e;
        }
    }

    private synchronized void progress(Making making, long doneBytes, long bytes) {
        making.doneBytes = doneBytes;
        making.bytes = bytes;
    }

    /**
     * The first key, and what machines' firmware has noted. What the storage makes of the folder is synced after it.
     */
    private void keepSmallFiles(Path growing) throws IOException {
        keep(dataFolder.resolve(CREDENTIALS), growing.resolve(CREDENTIALS));
        Path machines = dataFolder.resolve(MACHINES);
        if (!Files.isDirectory(machines)) {
            return;
        }
        Path kept = Files.createDirectory(growing.resolve(MACHINES));
        for (Path machine : list(machines)) {
            if (Files.exists(machine.resolve(MACHINE_VARIABLES))) {
                Path copy = Files.createDirectory(kept.resolve(machine.getFileName()));
                Files.setPosixFilePermissions(copy, Files.getPosixFilePermissions(machine));
                keep(machine.resolve(MACHINE_VARIABLES), copy.resolve(MACHINE_VARIABLES));
                sync(copy);
            }
        }
        sync(kept);
    }

    private static void keep(Path file, Path copy) throws IOException {
        if (Files.exists(file)) {
            Files.copy(file, copy, StandardCopyOption.COPY_ATTRIBUTES);
            sync(copy);
        }
    }

    private static List<Path> list(Path folder) throws IOException {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.toList();
        }
    }

    private static void sync(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static void removeAll(Path folder, Throwable failure) {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException | UncheckedIOException e) {
            failure.addSuppressed(e);
        }
    }

    /** Gives up a backup that is being made. */
    @Override
    public void close() {
        maker.shutdownNow();
        try {
            if (!maker.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
                log.warn("a backup is still being made");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
