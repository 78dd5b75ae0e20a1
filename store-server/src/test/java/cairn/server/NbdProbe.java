package cairn.server;

import cairn.image.AccountId;
import cairn.server.account.Access.Right;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;

/** NBD: opening is reading. */
final class NbdProbe {
    private static final int TICKET_SECONDS = 60;

    /** Makes tickets as the store does, for whomever. */
    interface TicketMaker {
        String issue(AccountId account, String exportName, Instant until);
    }

    private NbdProbe() {}

    /** Over TCP, with a ticket of whoever tries. */
    static AccessProbe tcp(String serverUri, TicketMaker tickets) {
        return (who, right, thing) -> {
            String ticket = tickets.issue(who.account(), thing.id(), Instant.now().plusSeconds(TICKET_SECONDS));
            return isExport(right, thing)
                    ? Optional.of(open(URI.create(serverUri + '/' + thing.id() + ':' + ticket)))
                    : Optional.empty();
        };
    }

    /** Over the unix socket, which is root's. */
    static AccessProbe unix(Path socket) {
        return (who, right, thing) -> isExport(right, thing) && who.isRoot()
                ? Optional.of(open(URI.create("nbd+unix:///" + thing.id() + "?socket=" + socket)))
                : Optional.empty();
    }

    private static boolean isExport(Right right, AccessProbe.Thing thing) {
        return right == Right.READ
                && switch (thing.kind()) {
                    case IMAGE, SNAPSHOT, VOLUME -> true;
                    case INSTANCE, UPLOAD, ACCOUNT -> false;
                };
    }

    private static AccessProbe.Verdict open(URI uri) throws IOException {
        try (NbdDisk disk = NbdDisk.open(uri)) {
            disk.read(0, 512);
            return AccessProbe.Verdict.DONE;
        } catch (NbdDisk.Refused e) {
            return AccessProbe.Verdict.ABSENT;
        }
    }
}
