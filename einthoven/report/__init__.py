"""The report of a diagnosis as a PDF.

fpdf2 draws it, as it draws the synthetic vector pages: paths and letters of exact size, fonts embedded, no system
package, and no third library beside those that the project has already. matplotlib's PDF backend would scale a page by
its figure's layout; the leads here must measure 25 mm a second under a ruler.
"""

from __future__ import annotations

from einthoven.report.write import report_bytes, write_report

__all__ = ["report_bytes", "write_report"]
