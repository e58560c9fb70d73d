"""Around and under the cells: embedding, stacking, attention, scans."""
