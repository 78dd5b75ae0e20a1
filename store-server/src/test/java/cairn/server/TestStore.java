package cairn.server;

import cairn.client.StoreClient;
import cairn.image.AccountId;
import cairn.image.Region;
import cairn.server.account.Regions;
import cairn.server.gc.GcSettings;
import cairn.sigv4.Credentials;
import cairn.sigv4.CredentialsFile;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Optional;

/** A real server on loopback, in this process, whose clock a test may set. */
public final class TestStore implements AutoCloseable {
    private static final long CHUNK_CACHE_BYTES = 64L << 20;
    private static final long PAGE_CACHE_BYTES = 16L << 20;
    private static final long SCRUBBED_BYTES_PER_SECOND = 4L << 30;

    private final Path dataFolder;
    private final Clock clock;
    private final Launching launching;
    private final boolean isDataEncrypted;
    private StoreServer server;

    /** Starts a server over a data folder, which may have been another's that is closed. */
    public TestStore(Path dataFolder, Clock clock) throws IOException {
        this(dataFolder, clock, Launching.NONE);
    }

    public TestStore(Path dataFolder, Clock clock, Launching launching) throws IOException {
        this(dataFolder, clock, launching, false);
    }

    /** @param isDataEncrypted as by {@code --data-encrypted} */
    public TestStore(Path dataFolder, Clock clock, Launching launching, boolean isDataEncrypted) throws IOException {
        this.dataFolder = dataFolder;
        this.clock = clock;
        this.launching = launching;
        this.isDataEncrypted = isDataEncrypted;
        this.server = start();
    }

    public TestStore(Path dataFolder) throws IOException {
        this(dataFolder, Clock.systemUTC());
    }

    private StoreServer start() throws IOException {
        return StoreServer.start(
                new ServerConfig(
                        dataFolder,
                        InetAddress.getLoopbackAddress(),
                        0,
                        0,
                        Optional.of(dataFolder.resolve("nbd.socket")),
                        Regions.ANY,
                        launching,
                        isDataEncrypted,
                        CHUNK_CACHE_BYTES,
                        PAGE_CACHE_BYTES,
                        GcSettings.DEFAULT,
                        ServerConfig.DEFAULT_SETTLED_LEVEL,
                        new Scrubbing(Optional.empty(), SCRUBBED_BYTES_PER_SECOND)),
                clock);
    }

    /** Stops the server, and starts another in its place: on other ports. */
    public void restart() throws IOException {
        server.close();
        server = start();
    }

    public StoreServer server() {
        return server;
    }

    public Path nbdSocket() {
        return dataFolder.resolve("nbd.socket");
    }

    public URI endpoint() {
        return URI.create("http://127.0.0.1:" + server.httpAddress().getPort());
    }

    /** Whoever owns the store, in the region of those who choose none. */
    public AwsUser root() throws IOException {
        Credentials key =
                CredentialsFile.read(dataFolder.resolve("credentials"), CredentialsFile.DEFAULT_PROFILE);
        return new AwsUser(endpoint(), key, Region.LOCAL);
    }

    /** Makes an account with a key. @param name of no other account */
    public Somebody newAccount(String name) throws IOException {
        StoreClient root = root().store();
        AccountId account = new AccountId(root.createAccount(name).id());
        cairn.api.Messages.Key key = root.createKey(account);
        return new Somebody(account, new AwsUser(endpoint(), new Credentials(key.id(), key.secretAccessKey()), Region.LOCAL));
    }

    /** An account, and its key. */
    public record Somebody(AccountId account, AwsUser user) {}

    @Override
    public void close() {
        server.close();
    }
}
