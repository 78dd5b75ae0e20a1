package cairn.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.client.DiskId;
import cairn.image.AccountId;
import cairn.server.account.Tickets;
import cairn.server.storage.Storage;
import cairn.server.storage.TestDisk;
import cairn.server.storage.rocks.RocksStorage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Names of exports that nobody may open, asked for by somebody else's client. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RefusedExportsTest {
    private static final int DISK_BYTES = 1 << 20;
    private static final String UNKNOWN_IMAGE = "ami-0123456789abcdef0";

    private Path folder;
    private ServerProcess server;
    private String image;
    private String otherImage;
    private Tickets tickets;
    private AccountId root;

    /** Reads the key that tickets are made with from the store, as only its server can, between two runs of that. */
    @BeforeAll
    void start(@TempDir Path temporary) throws Exception {
        folder = temporary;
        Tools.require("nbdinfo");
        Path data = folder.resolve("data");
        try (ServerProcess first = ServerProcess.start(data)) {
            root = new AccountId(first.connect().store().account());
            StoreUser user = new StoreUser(first.connect(), folder);
            Path disk = Files.write(folder.resolve("disk.raw"), TestDisk.random(1, DISK_BYTES).bytes());
            image = user.push(disk, "image").image().id();
            otherImage = user.push(disk, "other image").image().id();
        }
        try (Storage storage = RocksStorage.open(data)) {
            tickets = new Tickets(
                    StoreSecrets.readOrCreate(storage.catalog()).ticketKey(), Clock.systemUTC());
        }
        server = ServerProcess.start(data);
    }

    @AfterAll
    void stop() {
        if (server != null) {
            server.close();
        }
    }

    @AfterEach
    void aGoodNameStillOpens() throws Exception {
        assertEquals(DISK_BYTES, size(server.connect().exportUri(new DiskId(image)).uri()));
        assertEquals(DISK_BYTES, size(server.socketUri(image)));
        assertEquals(DISK_BYTES, size(tcp(image + ':' + tickets.issue(root, image, Instant.now().plusSeconds(60)))));
    }

    private static long size(String uri) throws Exception {
        return Long.parseLong(Tools.run("nbdinfo", "--size", uri).success().strip());
    }

    private String tcp(String export) {
        return server.nbd() + "/" + export;
    }

    @ParameterizedTest
    @ValueSource(strings = {"", UNKNOWN_IMAGE, "snap-0123456789abcdef0", "ami-x", "../../etc/passwd", "%00"})
    void whatIsNoExportIsNotFoundOnTheUnixSocket(String export) throws Exception {
        assertRefused(server.socketUri(export));
    }

    @Test
    void overTcpNothingOpensWithoutATicket() throws Exception {
        assertRefused(tcp(""));
        assertRefused(tcp(image));
        assertRefused(tcp(image + ':'));
    }

    @Test
    void aWrongTicketIsRefused() throws Exception {
        String ticket = tickets.issue(root, image, Instant.now().plusSeconds(60));
        String changed = (ticket.charAt(20) == 'A' ? 'B' : 'A') + ticket.substring(21);

        assertRefused(tcp(image + ':' + ticket.substring(0, 20) + changed));
        assertRefused(tcp(image + ':' + ticket.substring(1)));
        assertRefused(tcp(image + ":not-a-ticket"));
    }

    @Test
    void aTicketOpensOnlyTheImageItWasMadeFor() throws Exception {
        assertRefused(tcp(otherImage + ':' + tickets.issue(root, image, Instant.now().plusSeconds(60))));
    }

    @Test
    void anExpiredTicketIsRefused() throws Exception {
        assertRefused(tcp(image + ':' + tickets.issue(root, image, Instant.now().minusSeconds(1))));
    }

    @Test
    void aTicketForAnUnknownImageOpensNothing() throws Exception {
        assertRefused(tcp(UNKNOWN_IMAGE + ':' + tickets.issue(root, UNKNOWN_IMAGE, Instant.now().plusSeconds(60))));
    }

    @Test
    void aTicketOfAnAccountThatMayNotReadTheImageOpensNothing() throws Exception {
        AccountId other = new AccountId(server.connect().createAccount("other").id());
        Instant until = Instant.now().plusSeconds(60);

        assertRefused(tcp(image + ':' + tickets.issue(other, image, until)));
        assertRefused(tcp(image + ':' + tickets.issue(new AccountId("000000000001"), image, until)));
    }

    @Test
    void overTcpNothingIsListed() throws Exception {
        Tools.Output remote = Tools.run("nbdinfo", "--list", server.nbd() + "/");
        Tools.Output local = Tools.run("nbdinfo", "--list", server.socketUri(""));

        assertTrue(!remote.stdout().contains(image) && !remote.stderr().contains(image), remote.toString());
        assertTrue(local.success().contains(image), local.stdout());
    }

    private static void assertRefused(String uri) throws Exception {
        Tools.Output asked = Tools.run("nbdinfo", "--size", uri);

        assertNotEquals(0, asked.status(), asked.stdout());
        assertEquals("", asked.stdout());
    }
}
