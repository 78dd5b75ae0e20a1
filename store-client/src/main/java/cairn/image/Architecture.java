package cairn.image;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Arrays;
import java.util.stream.Collectors;

/** The machine that an image boots on, by EC2's names. */
public enum Architecture {
    I386("i386"),
    X86_64("x86_64"),
    ARM64("arm64"),
    RISCV64("riscv64");

    private final String label;

    Architecture(String label) {
        this.label = label;
    }

    @JsonValue
    public String label() {
        return label;
    }

    /** @throws StoreException INVALID_REQUEST for an unknown one */
    @JsonCreator
    public static Architecture parse(String label) {
        return Arrays.stream(values())
                .filter(each -> each.label.equals(label))
                .findFirst()
                .orElseThrow(() -> new StoreException(
                        Fault.INVALID_REQUEST,
                        "\"" + Text.shown(label) + "\" is no architecture (expecting "
                                + Arrays.stream(values()).map(Architecture::label).collect(Collectors.joining(", "))
                                + ")"));
    }
}
