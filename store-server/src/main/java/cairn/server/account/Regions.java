package cairn.server.account;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.image.Region;
import cairn.sigv4.SigV4Exception;
import cairn.sigv4.SigV4Fault;
import java.util.List;
import java.util.stream.Collectors;

/** Which regions a server offers. @param named in order; empty: every well-formed name is one */
public record Regions(List<Region> named) {
    public static final Regions ANY = new Regions(List.of());

    public Regions {
        named = List.copyOf(named);
    }

    public boolean offers(Region region) {
        return named.isEmpty() || named.contains(region);
    }

    /** @throws StoreException INVALID_REQUEST if it is not offered */
    public Region requireOffered(Region region) {
        if (!offers(region)) {
            throw new StoreException(Fault.INVALID_REQUEST, "region " + region + " is not offered here: " + those());
        }
        return region;
    }

    private String those() {
        return named.stream().map(Region::name).collect(Collectors.joining(", ")) + " are";
    }

    /** The region that a request is signed for. @throws SigV4Exception WRONG_REGION if it is not offered */
    public Region require(String name) {
        Region region;
        try {
            region = new Region(name);
        } catch (StoreException e) {
            throw new SigV4Exception(SigV4Fault.WRONG_REGION, "the request is signed for no region: " + e.getMessage());
        }
        if (!offers(region)) {
            throw new SigV4Exception(
                    SigV4Fault.WRONG_REGION,
                    "the request is signed for region " + Text.shown(name) + ", which is not offered here: " + those());
        }
        return region;
    }
}
