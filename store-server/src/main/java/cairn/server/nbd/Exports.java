package cairn.server.nbd;

import cairn.server.volume.Volume;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;

/** What can be opened over NBD, and by whom. Nothing here blocks. */
public interface Exports {
    /** How a peer came in, which decides what it may open. */
    enum Peer {
        /** Over the unix socket, whose file mode has let it in: may open everything, without a ticket. */
        LOCAL,
        /** Over TCP: may open what its export name carries a ticket for. */
        REMOTE
    }

    /**
     * An opened export. Whoever has it closes its volume.
     *
     * @param name its name without a ticket, as it may be shown
     * @param description for people; empty for none
     */
    record Export(String name, String description, Volume volume) {
        public Export {
            Objects.requireNonNull(name);
            Objects.requireNonNull(description);
            Objects.requireNonNull(volume);
        }
    }

    /** The export names that a peer may open without further proof: none for a remote one. */
    CompletableFuture<List<String>> list(Peer peer);

    /**
     * Opens an export, for reading. The name is {@code ami-...}, {@code snap-...}, either followed by
     * {@code :TICKET}.
     *
     * <p>Fails with a {@link cairn.StoreException}: NOT_FOUND, or UNAUTHENTICATED for a missing, wrong or expired
     * ticket.
     */
    CompletableFuture<Export> open(String exportName, Peer peer);
}
