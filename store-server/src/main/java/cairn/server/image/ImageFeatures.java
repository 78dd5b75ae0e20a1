package cairn.server.image;

import java.util.Optional;

/**
 * What an image's maker says of the machine that it needs, by EC2's names. Kept and told; a launcher may heed it.
 *
 * @param hasEna it drives Amazon's network adapter
 * @param sriovNetSupport {@code simple} where it drives an Intel 82599 virtual function
 * @param imdsSupport {@code v2.0} where it takes the metadata service's second version alone
 * @param tpmSupport {@code v2.0} where it wants a TPM
 * @param uefiData the firmware's variables, in Base64
 */
public record ImageFeatures(
        boolean hasEna,
        Optional<String> sriovNetSupport,
        Optional<String> imdsSupport,
        Optional<String> tpmSupport,
        Optional<String> uefiData) {
    public static final ImageFeatures NONE =
            new ImageFeatures(false, Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());

    public ImageFeatures withImdsSupport(Optional<String> newSupport) {
        return new ImageFeatures(hasEna, sriovNetSupport, newSupport, tpmSupport, uefiData);
    }
}
