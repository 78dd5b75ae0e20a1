package cairn.server.nbd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SocketFileTest {
    @TempDir
    private Path folder;

    private static ServerSocketChannel listener() throws IOException {
        return ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    }

    private static SocketFile bind(ServerSocketChannel listener, Path path) throws IOException {
        return SocketFile.bind(path, made -> listener.bind(UnixDomainSocketAddress.of(made)));
    }

    private List<String> names() throws IOException {
        try (var files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }

    @Test
    void onlyItsOwnerMayOpenItAndClosingRemovesIt() throws IOException {
        try (ServerSocketChannel listener = listener()) {
            SocketFile file = bind(listener, folder.resolve("s"));

            var permissions = Files.getPosixFilePermissions(file.path());
            assertEquals("rw-------", PosixFilePermissions.toString(permissions));
            assertEquals(List.of("s"), names());
            file.close();
            file.close();
        }
        assertEquals(List.of(), names());
    }

    @Test
    void replacesASocketToWhichNobodyListens() throws IOException {
        try (ServerSocketChannel dead = listener()) {
            dead.bind(UnixDomainSocketAddress.of(folder.resolve("s")));
        }
        assertTrue(Files.exists(folder.resolve("s")));

        try (ServerSocketChannel listener = listener();
                SocketFile file = bind(listener, folder.resolve("s"))) {
            assertEquals(List.of("s"), names());
            assertEquals(folder.resolve("s"), file.path());
        }
    }

    @Test
    void refusesWhereAnotherProcessListens() throws IOException {
        try (ServerSocketChannel first = listener();
                SocketFile file = bind(first, folder.resolve("s"));
                ServerSocketChannel second = listener()) {
            StoreException refused =
                    assertThrows(StoreException.class, () -> bind(second, folder.resolve("s")));

            assertEquals(Fault.CONFLICT, refused.fault());
            assertTrue(Files.exists(file.path()));
        }
    }

    @Test
    void neverReplacesAFileThatIsNotASocket() throws IOException {
        Files.writeString(folder.resolve("s"), "precious");
        try (ServerSocketChannel listener = listener()) {
            StoreException refused =
                    assertThrows(StoreException.class, () -> bind(listener, folder.resolve("s")));

            assertEquals(Fault.CONFLICT, refused.fault());
            assertEquals("precious", Files.readString(folder.resolve("s")));
        }
    }

    @Test
    void leavesTheSocketThatAnotherProcessHasPutInItsPlace() throws IOException {
        try (ServerSocketChannel first = listener(); ServerSocketChannel second = listener()) {
            SocketFile old = bind(first, folder.resolve("s"));
            Files.delete(folder.resolve("s"));
            SocketFile young = bind(second, folder.resolve("s"));

            old.close();
            assertTrue(Files.exists(folder.resolve("s")));
            young.close();
            assertFalse(Files.exists(folder.resolve("s")));
        }
    }

    @Test
    void refusesAPathThatIsTooLong() throws IOException {
        try (ServerSocketChannel listener = listener()) {
            Path path = folder.resolve("x".repeat(120));

            StoreException refused = assertThrows(StoreException.class, () -> bind(listener, path));

            assertEquals(Fault.INVALID_REQUEST, refused.fault());
            assertEquals(List.of(), names());
        }
    }
}
