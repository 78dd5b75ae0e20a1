package cairn.cli;

import cairn.StoreException;
import cairn.tree.Tree;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads the sizes that a disk may have: whole sectors, at least one. */
final class DiskSizeConverter implements ITypeConverter<Long> {
    private final SizeConverter sizes = new SizeConverter();

    @Override
    public Long convert(String text) {
        try {
            return Tree.requireDiskSize(sizes.convert(text));
        } catch (StoreException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }
}
