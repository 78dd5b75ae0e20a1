package cairn.image;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Arrays;

/** The firmware that an image boots with, by EC2's names. */
public enum BootMode {
    LEGACY_BIOS("legacy-bios"),
    UEFI("uefi"),
    UEFI_PREFERRED("uefi-preferred");

    private final String label;

    BootMode(String label) {
        this.label = label;
    }

    @JsonValue
    public String label() {
        return label;
    }

    /** @throws StoreException INVALID_REQUEST for an unknown one */
    @JsonCreator
    public static BootMode parse(String label) {
        return Arrays.stream(values())
                .filter(each -> each.label.equals(label))
                .findFirst()
                .orElseThrow(() -> new StoreException(
                        Fault.INVALID_REQUEST,
                        "\"" + Text.shown(label)
                                + "\" is no boot mode (expecting legacy-bios, uefi or uefi-preferred)"));
    }
}
