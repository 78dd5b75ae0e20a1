package cairn.server.account;

import cairn.Fault;
import cairn.StoreException;
import cairn.image.AccountId;
import cairn.image.Region;
import cairn.server.storage.DomainId;
import java.util.Optional;

/**
 * Who has asked, and where.
 *
 * @param domain the dedup domain in which this account is told what is already stored
 * @param isRoot may manage accounts, and sees everything
 * @param chosenRegion as the request's signature names it; empty: in all of them, as over the server's own unix socket
 */
public record Caller(AccountId account, DomainId domain, boolean isRoot, Optional<Region> chosenRegion) {
    /** Where what this caller makes lies. @throws StoreException INTERNAL for a caller who has not said where */
    public Region region() {
        return chosenRegion.orElseThrow(
                () -> new StoreException(Fault.INTERNAL, "account " + account + " makes something in no region"));
    }

    /** The same account, asking somewhere else. */
    public Caller in(Region region) {
        return new Caller(account, domain, isRoot, Optional.of(region));
    }

    boolean isIn(Region region) {
        return chosenRegion.isEmpty() || chosenRegion.get().equals(region);
    }
}
